//! Data points as requests: shared out over sequences by series, and cut where they get too large.

use ahash::RandomState;

use super::draft::{Content, Counts, Draft};
use super::outgoing::Outgoing;
use super::plan::{Family, LabelSet, Plan};
use super::read::Version;
use super::series::{Faulty, Writer};
use super::snappy;
use crate::schema::{Field, Message};
use crate::select::DATA;
use crate::series::point::Point;

/// A request that is ready to be sent.
pub struct Ready {
    /// Which sequence it belongs to: those of one have to be sent one after the other.
    pub shard: usize,
    pub body: Vec<u8>,
    pub counts: Counts,
}

/// The number of points that are in no request: their metrics have no family.
pub const UNNAMED: u32 = u32::MAX;

/// The same of those that contradict themselves.
pub const FAULTY: u32 = u32::MAX - 1;

#[derive(Default)]
pub struct Written {
    /// Sequence by sequence.
    pub requests: Vec<Ready>,
    /// By point: the place of the request that has it.
    pub places: Vec<u32>,
    /// How many of the first requests hold the infos.
    pub informing: usize,
}

/// What infos are of: gauges whose help is the same everywhere.
const INFO_HELP: &str = "Target metadata";
const GAUGE: u64 = 2;

pub fn write(outgoing: &Outgoing, plan: &Plan) -> Written {
    let mut shards: Vec<Shard> =
        (0..plan.shards.max(1)).map(|_| Shard::new(plan.version)).collect();
    begin(&mut shards[0], plan);
    let informing = shards[0].done.len() + usize::from(!plan.infos.is_empty());
    let hasher = RandomState::with_seed(0);
    let mut places = vec![(0, UNNAMED); outgoing.points.len()];
    for at in in_time(outgoing) {
        let Some(sent) = Sent::of(outgoing, plan, at) else { continue };
        let shard = (hasher.hash_one(&sent.labels) % shards.len() as u64) as usize;
        let place = shards[shard].put(plan, |draft| sent.write(draft));
        places[at] = (shard, place.unwrap_or(FAULTY));
    }
    finish(shards, places, informing)
}

/// What comes before all points: infos and metadata.
fn begin(shard: &mut Shard, plan: &Plan) {
    if plan.metadata && plan.version == Version::One {
        plan.families.iter().flatten().for_each(|family| shard.draft.describe(family));
    }
    let family = Family {
        name: String::new(),
        kind: GAUGE,
        help: INFO_HELP.to_owned(),
        unit: String::new(),
    };
    for info in &plan.infos {
        let labels: LabelSet =
            info.labels.iter().map(|(name, value)| (name.as_str(), value.into())).collect();
        let name = labels.iter().find(|(name, _)| *name == "__name__");
        let name = name.map_or("", |(_, name)| name);
        let put = shard.put(plan, |draft| {
            let mut content = Content::default();
            draft.sample(&mut content, 1.0, info.time, 0);
            draft.add(&labels, name, None, &family, &content);
            Ok(())
        });
        debug_assert!(put.is_ok());
    }
}

/// The places of the points in the order of their times, in which series are to be sent.
fn in_time(outgoing: &Outgoing) -> Vec<usize> {
    let mut places: Vec<usize> = (0..outgoing.points.len()).collect();
    places.sort_by_key(|place| outgoing.points[*place].2);
    places
}

fn finish(shards: Vec<Shard>, places: Vec<(usize, u32)>, informing: usize) -> Written {
    let mut written = Written { informing, ..Written::default() };
    let mut firsts = Vec::new();
    for (number, shard) in shards.into_iter().enumerate() {
        firsts.push(written.requests.len() as u32);
        for (body, counts) in shard.finish() {
            written.requests.push(Ready { shard: number, body, counts });
        }
    }
    let place =
        |(shard, place): (usize, u32)| if place < FAULTY { firsts[shard] + place } else { place };
    written.places = places.into_iter().map(place).collect();
    written
}

/// A sequence of requests.
struct Shard {
    done: Vec<(Vec<u8>, Counts)>,
    draft: Draft,
}

impl Shard {
    fn new(version: Version) -> Self {
        Self { done: Vec::new(), draft: Draft::new(version) }
    }

    /// Have `write` add something to the last request, or to a new one if it gets too large; returns
    /// which that is.
    fn put(
        &mut self,
        plan: &Plan,
        write: impl Fn(&mut Draft) -> Result<(), Faulty>,
    ) -> Result<u32, Faulty> {
        let mark = self.draft.mark();
        let alone = self.draft.is_empty();
        let mut result = write(&mut self.draft);
        if result.is_ok() && !alone && self.draft.size() > plan.max_bytes {
            self.draft.go_back(&mark);
            self.next();
            result = write(&mut self.draft);
        } else if result.is_err() {
            self.draft.go_back(&mark);
        }
        result.map(|()| self.done.len() as u32)
    }

    fn next(&mut self) {
        let version = self.draft.version;
        let draft = std::mem::replace(&mut self.draft, Draft::new(version));
        let counts = draft.counts;
        self.done.push((snappy::encode(&draft.finish()), counts));
    }

    fn finish(mut self) -> Vec<(Vec<u8>, Counts)> {
        if !self.draft.is_empty() {
            self.next();
        }
        self.done
    }
}

/// A point with what is known of it.
struct Sent<'a> {
    family: &'a Family,
    labels: LabelSet<'a>,
    message: &'static Message,
    body: &'a [u8],
}

impl<'a> Sent<'a> {
    fn of(outgoing: &'a Outgoing, plan: &'a Plan, at: usize) -> Option<Self> {
        let (metric, source, _) = outgoing.points[at];
        let family = plan.families[metric as usize].as_ref()?;
        let (payload, item) = outgoing.item(at);
        let message = payload.message_of(DATA + 1, item);
        let body = payload.index().items()[item].body(payload.bytes());
        let number = number(message, "attributes");
        let labels = plan.labels(&plan.origins[source as usize], body, number);
        Some(Self { family, labels, message, body })
    }

    fn write(&self, draft: &mut Draft) -> Result<(), Faulty> {
        let exemplars = number(self.message, "exemplars");
        let Self { family, labels, message, body } = self;
        let point = Point::read(message, body);
        Writer { draft, family, labels, body, exemplars }.write(&point)
    }
}

/// The number of a field, 0 where the message has none of that name.
fn number(message: &Message, name: &str) -> u32 {
    message.by_name(name).map_or(0, |field: &Field| field.number)
}
