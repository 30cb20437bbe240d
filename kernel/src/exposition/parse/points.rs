//! Samples put together: those of one histogram or summary become one data point.

use ahash::{HashMap, RandomState};

use super::family::Kind;
use super::names::{Part, Role, native_role, role};
use super::numbers::{float, seconds};
use super::table::{Label, NO_NATIVE, NO_TIME, Sample, Table};
use super::texts::{Code, EMPTY, NAME};

/// What a metric is in OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    Gauge,
    Counter,
    /// A sum that may go down: info and state sets.
    Sum,
    Histogram,
    Exponential,
    Summary,
}

pub struct Metric {
    pub owner: u32,
    pub role: Role,
    pub type_: Type,
    pub points: Vec<u32>,
}

/// A data point in the making.
#[derive(Default)]
pub struct Draft {
    /// Where its labels are in those of all drafts.
    labels: (u32, u32),
    metric: u32,
    pub time: i64,
    pub start: u64,
    pub value: Option<f64>,
    /// What a number does not have.
    pub parts: Option<Box<Parts>>,
    pub exemplars: Vec<u32>,
}

/// What the samples of a histogram or a summary say.
#[derive(Default)]
pub struct Parts {
    pub sum: Option<f64>,
    pub count: Option<f64>,
    /// Buckets with their upper bounds, or quantiles with their values.
    pub bounds: Vec<(f64, f64)>,
    pub native: Option<u32>,
}

impl Draft {
    fn parts(&mut self) -> &mut Parts {
        self.parts.get_or_insert_default()
    }
}

/// How many samples came to nothing, by reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dropped {
    /// Of a series that has a sample of the same time already.
    pub duplicate: u64,
    /// Whose name or labels make no sense for the type of the metric.
    pub misplaced: u64,
    /// Histograms whose counts make no sense.
    pub inconsistent: u64,
}

pub struct Points {
    pub metrics: Vec<Metric>,
    pub drafts: Vec<Draft>,
    pub dropped: Dropped,
    /// The labels that hold the bound of a bucket and the rank of a quantile.
    bounds: [Code; 2],
    without: Vec<Code>,
    now: i64,
    labels: Vec<Label>,
    /// Whether a sample says when others began.
    created: bool,
    by_key: HashMap<(u32, Code, Type), u32>,
    by_hash: HashMap<u64, u32>,
    hasher: RandomState,
}

impl Points {
    /// Put the samples of a table together. `owners` has a code for the resource and scope of each;
    /// labels in `without` are no attributes. Samples that say no time have `now`.
    pub fn of(table: &mut Table, owners: &[u32], without: &[Code], now: i64) -> Self {
        let mut points = Self {
            bounds: [table.texts.code("le"), table.texts.code("quantile")],
            without: without.to_vec(),
            now,
            metrics: Vec::new(),
            drafts: Vec::new(),
            dropped: Dropped::default(),
            labels: Vec::new(),
            created: false,
            by_key: HashMap::default(),
            by_hash: HashMap::default(),
            hasher: RandomState::new(),
        };
        let mut roles: HashMap<Code, Option<Role>> = HashMap::default();
        let mut drafts = Vec::with_capacity(table.samples.len());
        for (i, owner) in owners.iter().enumerate() {
            let name = table.value_of(i, NAME);
            let role = match table.samples[i].native {
                NO_NATIVE => *roles.entry(name).or_insert_with(|| role(table, name)),
                _ => Some(native_role(table, name)),
            };
            points.dropped.misplaced += u64::from(role.is_none());
            drafts.push(role.and_then(|role| points.take(table, i, *owner, role)));
        }
        points.attach(table, &drafts);
        if points.created {
            points.spread_starts();
        }
        points
    }

    pub fn labels_of(&self, draft: &Draft) -> &[Label] {
        &self.labels[draft.labels.0 as usize..draft.labels.1 as usize]
    }

    /// Put a sample where it belongs; the point, if it was of use.
    fn take(&mut self, table: &Table, i: usize, owner: u32, role: Role) -> Option<u32> {
        let sample = &table.samples[i];
        let bound = match role.part {
            Part::Bucket => Some(self.bounds[0]),
            Part::Quantile => Some(self.bounds[1]),
            _ => None,
        };
        let time = match (role.part, sample.time) {
            (Part::Created, _) => NO_TIME,
            (_, NO_TIME) => self.now,
            (_, time) => time,
        };
        let metric = self.metric(owner, role, sample.native != NO_NATIVE);
        let labels = table.labels_of(i).iter().filter(|label| Some(label.name) != bound);
        let draft = self.draft(metric, time, labels);
        let bound = bound.and_then(|name| {
            let text = table.texts.get(table.value_of(i, name));
            float(text.as_bytes()).filter(|bound| !bound.is_nan())
        });
        self.add(draft, role.part, bound, sample).then_some(draft)
    }

    /// Give exemplars and starts to the points that they are of.
    fn attach(&mut self, table: &Table, drafts: &[Option<u32>]) {
        for (i, exemplar) in (0..).zip(&table.exemplars) {
            if let Some(draft) = drafts[exemplar.sample as usize] {
                self.drafts[draft as usize].exemplars.push(i);
            }
        }
        for (sample, start) in &table.starts {
            if let Some(draft) = drafts[*sample as usize] {
                self.drafts[draft as usize].start = *start;
            }
        }
    }

    fn metric(&mut self, owner: u32, role: Role, native: bool) -> u32 {
        let type_ = match role.kind {
            Kind::Counter => Type::Counter,
            Kind::Unknown | Kind::Gauge | Kind::GaugeHistogram => Type::Gauge,
            Kind::Info | Kind::StateSet => Type::Sum,
            Kind::Histogram if native => Type::Exponential,
            Kind::Histogram => Type::Histogram,
            Kind::Summary => Type::Summary,
        };
        *self.by_key.entry((owner, role.metric, type_)).or_insert_with(|| {
            self.metrics.push(Metric { owner, role, type_, points: Vec::new() });
            (self.metrics.len() - 1) as u32
        })
    }

    /// The point with these labels at that time, a new one if there is none yet. Of no time is what
    /// says when all others with its labels began.
    fn draft<'a>(
        &mut self,
        metric: u32,
        time: i64,
        labels: impl Iterator<Item = &'a Label>,
    ) -> u32 {
        let first = self.labels.len();
        let without = &self.without;
        self.labels.extend(labels.filter(|label| {
            label.value != EMPTY && label.name != NAME && !without.contains(&label.name)
        }));
        self.labels[first..].sort_unstable();
        let hash = match self.find(metric, time, &self.labels[first..]) {
            Ok(known) => {
                self.labels.truncate(first);
                return known;
            }
            Err(hash) => hash,
        };
        let draft = self.drafts.len() as u32;
        let labels = (first as u32, self.labels.len() as u32);
        self.drafts.push(Draft { labels, metric, time, ..Draft::default() });
        self.by_hash.insert(hash, draft);
        if time == NO_TIME {
            self.created = true;
        } else {
            self.metrics[metric as usize].points.push(draft);
        }
        draft
    }

    /// A point, or the hash that it would have.
    fn find(&self, metric: u32, time: i64, labels: &[Label]) -> Result<u32, u64> {
        let mut hash = self.hasher.hash_one((metric, time, labels));
        while let Some(known) = self.by_hash.get(&hash) {
            let draft = &self.drafts[*known as usize];
            if draft.metric == metric && draft.time == time && self.labels_of(draft) == labels {
                return Ok(*known);
            }
            hash = hash.wrapping_add(1);
        }
        Err(hash)
    }

    fn spread_starts(&mut self) {
        for i in 0..self.drafts.len() {
            let draft = &self.drafts[i];
            if let Ok(created) = self.find(draft.metric, NO_TIME, self.labels_of(draft)) {
                self.drafts[i].start = self.drafts[created as usize].start;
            }
        }
    }

    /// Add a sample to a point; whether it was of use.
    fn add(&mut self, draft: u32, part: Part, bound: Option<f64>, sample: &Sample) -> bool {
        let draft = &mut self.drafts[draft as usize];
        let set = |place: &mut Option<f64>| first(place, sample.value);
        let fresh = match (part, bound) {
            (Part::Value, _) if sample.native != NO_NATIVE => {
                first(&mut draft.parts().native, sample.native)
            }
            (Part::Value, _) => set(&mut draft.value),
            (Part::Sum, _) => set(&mut draft.parts().sum),
            (Part::Count, _) => set(&mut draft.parts().count),
            (Part::Created, _) => {
                draft.start = seconds(sample.value).map_or(0, i64::cast_unsigned);
                return true;
            }
            (Part::Bucket | Part::Quantile, Some(bound)) => {
                draft.parts().bounds.push((bound, sample.value));
                return true;
            }
            (Part::Bucket | Part::Quantile, None) => {
                self.dropped.misplaced += 1;
                return false;
            }
        };
        self.dropped.duplicate += u64::from(!fresh);
        fresh
    }
}

/// Put a value where there is none yet; whether that was so.
fn first<T>(place: &mut Option<T>, value: T) -> bool {
    let fresh = place.is_none();
    place.get_or_insert(value);
    fresh
}
