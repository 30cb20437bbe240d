//! One answer to a scrape: what was exposed at one instant, written piece by piece.

use std::collections::HashSet;
use std::io::Write;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::family::Family;
use super::labels::Labels;
use super::names::Escaping;
use super::protobuf::Protobuf;
use super::state::State;
use super::store::Store;
use super::text::{Heading, Text};
use crate::series::table::Snapshot;

pub enum Format {
    Text(Text),
    Protobuf(Protobuf),
}

impl Format {
    fn escaping(&self) -> Escaping {
        match self {
            Self::Text(text) => text.escaping,
            Self::Protobuf(protobuf) => protobuf.escaping,
        }
    }
}

/// Bytes of a family that are one protobuf message.
const MESSAGE: usize = 64 * 1024;

/// Fast: what is saved by a better one is less than what it costs, for a reader in the same network.
const LEVEL: u32 = 1;

pub struct Scrape {
    format: Format,
    snapshot: Snapshot<State>,
    /// Series, family by family.
    places: Vec<u32>,
    infos: Vec<Labels>,
    families: Vec<Group>,
    /// The family that is being written, and its next series.
    at: usize,
    next: usize,
    heading: Option<Heading>,
    /// Memory to write pieces in.
    scratch: (Vec<u8>, Vec<u8>),
    output: Output,
    done: bool,
}

/// A family and its series, or those that say where others come from.
struct Group {
    family: Arc<Family>,
    members: Range<usize>,
    is_info: bool,
    clashes: bool,
}

enum Output {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

impl Output {
    fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Gzip(encoder) => encoder.get_ref().len(),
        }
    }

    fn reserve(&mut self, size: usize) {
        match self {
            Self::Plain(bytes) => bytes.reserve(size),
            Self::Gzip(encoder) => encoder.get_mut().reserve(size),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Plain(bytes) => mem::take(bytes),
            Self::Gzip(encoder) => mem::take(encoder.get_mut()),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Plain(out) => out.extend_from_slice(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes).expect("a Vec takes all"),
        }
    }

    fn finish(&mut self) {
        if let Self::Gzip(encoder) = self {
            encoder.try_finish().expect("a Vec takes all");
        }
    }
}

/// All that is needed of a store, so that it can go on.
pub struct Moment {
    snapshot: Snapshot<State>,
    families: Vec<Option<Arc<Family>>>,
    target: Arc<Family>,
    origins: Vec<Arc<super::source::Origin>>,
}

impl Moment {
    pub fn of(store: &Store) -> Self {
        Self {
            snapshot: store.snapshot(),
            families: store.catalog.families.all(),
            target: Arc::clone(&store.catalog.target),
            origins: store.catalog.live_origins(),
        }
    }

    /// The places of the series that are shown, family by family, and where each family begins.
    fn by_family(&self) -> (Vec<u32>, Vec<usize>) {
        let shown = || {
            (0..self.snapshot.places()).filter_map(|place| match self.snapshot.get(place) {
                State::Shown(shown) => Some((place, shown.family.number as usize)),
                _ => None,
            })
        };
        let mut starts = vec![0; self.families.len() + 1];
        shown().for_each(|(_, family)| starts[family + 1] += 1);
        for family in 1..starts.len() {
            starts[family] += starts[family - 1];
        }
        let mut places = vec![0; starts[self.families.len()]];
        let mut next = starts.clone();
        for (place, family) in shown() {
            places[next[family]] = place;
            next[family] += 1;
        }
        (places, starts)
    }

    /// What is said about each target, the newest where several say something about one.
    fn infos(&self) -> Vec<Labels> {
        let mut targets: Vec<_> = self.origins.iter().filter_map(|o| o.target.as_ref()).collect();
        targets.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
        let mut known = HashSet::new();
        let whose =
            |labels: &Labels| ["job", "instance"].map(|name| labels.get(name).map(<[u8]>::to_vec));
        targets.retain(|(_, labels)| known.insert(whose(labels)));
        targets.into_iter().map(|(_, labels)| labels.clone()).collect()
    }

    /// The families that have series, by name. Escaped, two names may be one: then the family that
    /// has it unescaped stays.
    fn groups(&self, starts: &[usize], infos: usize, escaping: Escaping) -> Vec<Group> {
        let names: HashSet<&str> =
            self.families.iter().flatten().map(|f| f.name.as_str()).collect();
        let clashes = |family: &Family| {
            family.name.strip_suffix("_total").is_some_and(|stem| names.contains(stem))
        };
        let group = |family: &Arc<Family>, members, is_info| Group {
            clashes: clashes(family),
            family: Arc::clone(family),
            members,
            is_info,
        };
        let all = self.families.iter().flatten().map(|family| {
            if Arc::ptr_eq(family, &self.target) {
                return group(family, 0..infos, true);
            }
            let number = family.number as usize;
            group(family, starts[number]..starts[number + 1], false)
        });
        let mut groups: Vec<_> = all.filter(|group| !group.members.is_empty()).collect();
        let name = |group: &Group| {
            let name = escaping.apply(&group.family.name).into_owned();
            let escaped = name != group.family.name;
            (name, escaped)
        };
        groups.sort_by_cached_key(name);
        groups.dedup_by(|later, earlier| name(later).0 == name(earlier).0);
        groups
    }
}

impl Scrape {
    pub fn new(moment: Moment, format: Format, gzip: bool) -> Self {
        let (places, starts) = moment.by_family();
        let infos = moment.infos();
        let families = moment.groups(&starts, infos.len(), format.escaping());
        let encoder = || Box::new(GzEncoder::new(Vec::new(), Compression::new(LEVEL)));
        Self {
            format,
            snapshot: moment.snapshot,
            places,
            infos,
            next: families.first().map_or(0, |group| group.members.start),
            families,
            at: 0,
            heading: None,
            scratch: <(Vec<u8>, Vec<u8>)>::default(),
            output: if gzip { Output::Gzip(encoder()) } else { Output::Plain(Vec::new()) },
            done: false,
        }
    }

    /// About so many bytes more; none at the end.
    pub fn more(&mut self, size: usize) -> Vec<u8> {
        self.output.reserve(size + MESSAGE);
        while !self.done && self.output.len() < size {
            self.step();
        }
        self.output.take()
    }

    /// Write some series of one family.
    fn step(&mut self) {
        let Some(group) = self.families.get(self.at) else { return self.end() };
        let (mut piece, mut metrics) = mem::take(&mut self.scratch);
        if let (Format::Text(text), None) = (&self.format, &self.heading) {
            self.heading = Some(text.begin(&mut piece, &group.family, group.clashes));
        }
        while self.next < group.members.end && piece.len() + metrics.len() < MESSAGE {
            match (&self.format, &self.heading) {
                (Format::Text(text), Some(heading)) => {
                    self.sample(text, heading, group, &mut piece);
                }
                (Format::Protobuf(protobuf), _) => self.metric(protobuf, group, &mut metrics),
                _ => {}
            }
            self.next += 1;
        }
        if let Format::Protobuf(protobuf) = &self.format {
            protobuf.family(&mut piece, &group.family, &metrics);
        }
        self.output.write(&piece);
        piece.clear();
        metrics.clear();
        self.scratch = (piece, metrics);
        if self.next == group.members.end {
            self.at += 1;
            self.heading = None;
            self.next = self.families.get(self.at).map_or(0, |group| group.members.start);
        }
    }

    fn sample(&self, text: &Text, heading: &Heading, group: &Group, out: &mut Vec<u8>) {
        if group.is_info {
            text.info(out, heading, &self.infos[self.next]);
        } else if let State::Shown(shown) = self.snapshot.get(self.places[self.next]) {
            text.series(out, heading, shown);
        }
    }

    fn metric(&self, protobuf: &Protobuf, group: &Group, out: &mut Vec<u8>) {
        if group.is_info {
            protobuf.info(out, &self.infos[self.next]);
        } else if let State::Shown(shown) = self.snapshot.get(self.places[self.next]) {
            protobuf.series(out, shown);
        }
    }

    fn end(&mut self) {
        if let Format::Text(Text { open_metrics: true, .. }) = self.format {
            self.output.write(b"# EOF\n");
        }
        self.output.finish();
        self.done = true;
    }
}
