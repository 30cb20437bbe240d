//! Names that were given to metrics, origins and the keys of attributes, for as long as they are of
//! use; and the questions about those that have none yet.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;

use super::family::{Families, Family, Kind};
use super::fault::Fault;
use super::labels::Labels;
use super::source::{Asked, Key, Origin, Told};
use super::store::{Now, Store};
use super::text_of::{pair, text_of};
use super::view::{Coming, View};
use crate::key::with_key;

type Map<K, V> = HashMap<K, V, RandomState>;

/// What became of a metric's names.
#[derive(Clone)]
pub enum Metric {
    Exposed { family: Arc<Family>, delta: bool },
    Refused { name: Arc<str>, fault: Fault },
}

/// What is known under a key, and when it was last of use.
struct Known<T> {
    what: T,
    seen: u32,
}

/// What a batch has that has no names yet.
#[derive(Default)]
pub struct Unknown {
    pub metrics: Map<Key, Told>,
    pub origins: Map<Key, Asked>,
    pub labels: HashSet<String, RandomState>,
}

/// Names of labels that are kept from batch to batch.
const MAX_LABELS: usize = 10_000;

pub struct Catalog {
    pub families: Families,
    /// The family of the origins themselves, which no metric can join.
    pub target: Arc<Family>,
    metrics: Map<Key, Known<Metric>>,
    origins: Map<Key, Known<Arc<Origin>>>,
    /// Empty for what becomes no label.
    labels: Map<Box<str>, Arc<str>>,
    limit: usize,
}

impl Catalog {
    /// For at most so many metrics and origins.
    pub fn new(target: &str, help: &str, limit: usize) -> Self {
        let mut families = Families::default();
        let target = families.join(target, Kind::Gauge, help, "").expect("there are no others");
        let (metrics, origins, labels) = (Map::default(), Map::default(), Map::default());
        Self { families, target, metrics, origins, labels, limit }
    }

    pub fn metric(&mut self, key: Key, now: Now) -> Option<Metric> {
        let known = self.metrics.get_mut(&key)?;
        known.seen = now.tick;
        Some(known.what.clone())
    }

    pub fn origin(&mut self, key: Key, now: Now) -> Option<Arc<Origin>> {
        let known = self.origins.get_mut(&key)?;
        known.seen = now.tick;
        Some(Arc::clone(&known.what))
    }

    /// Those that series have.
    pub fn live_origins(&self) -> Vec<Arc<Origin>> {
        let known = self.origins.values().map(|known| &known.what);
        known.filter(|origin| Arc::strong_count(origin) > 1).cloned().collect()
    }

    /// Name a metric: its family, or why there is none.
    pub fn name_metric(&mut self, key: Key, name: &str, answer: Answer, now: Now) {
        let refused = |fault| Metric::Refused { name: Arc::from(name), fault };
        let what = match answer {
            Answer::Refused(fault) => refused(fault),
            Answer::Family { kind, help, unit, delta } => {
                let family = self.families.join(name, kind, &help, &unit);
                match family.filter(|family| !Arc::ptr_eq(family, &self.target)) {
                    Some(family) => Metric::Exposed { family, delta },
                    None => refused(Fault::Conflict),
                }
            }
        };
        self.metrics.insert(key, Known { what, seen: now.tick });
    }

    pub fn name_origin(&mut self, key: Key, origin: Origin, now: Now) {
        self.origins.insert(key, Known { what: Arc::new(origin), seen: now.tick });
    }

    pub fn name_label(&mut self, key: String, name: &str) {
        self.labels.insert(key.into_boxed_str(), Arc::from(name));
    }

    /// The labels of a point beside those of its origin, which count where both have one.
    pub fn labels_of(&self, coming: &Coming, family: &Family, origin: &Origin) -> Labels {
        let own = family.kind.own_label();
        let mut pairs: Vec<_> = coming.attributes().map(pair).collect();
        pairs.sort_by_key(|(key, _)| *key);
        pairs.dedup_by_key(|(key, _)| *key);
        let named = pairs.iter().filter_map(|(key, value)| Some((self.labels.get(*key)?, value)));
        let free =
            |name: &str| !name.is_empty() && Some(name) != own && origin.labels.get(name).is_none();
        let free = named.filter(|(name, _)| free(name));
        Labels::of(free.map(|(name, value)| (&**name, text_of(value))).collect())
    }

    /// Forget the names of labels if they are too many; the next batch has to ask for its own.
    pub fn trim(&mut self) {
        if self.labels.len() > MAX_LABELS {
            self.labels.clear();
        }
    }

    /// Let go of what was last of use before `oldest`.
    pub fn sweep(&mut self, oldest: u32) {
        self.metrics.retain(|_, known| known.seen >= oldest);
        self.origins.retain(|_, known| known.seen >= oldest || Arc::strong_count(&known.what) > 1);
        if self.families.sweep() {
            let refused =
                |what: &Metric| matches!(what, Metric::Refused { fault: Fault::Conflict, .. });
            self.metrics.retain(|_, known| !refused(&known.what));
        }
    }
}

/// What a metric becomes.
pub enum Answer {
    Family { kind: Kind, help: String, unit: String, delta: bool },
    Refused(Fault),
}

impl Store {
    /// What has no names yet of what came; `None` where all is known.
    pub fn unknown(&self, views: &[View]) -> Option<Unknown> {
        let mut unknown = Unknown::default();
        for view in views {
            self.catalog.ask(view, &mut unknown);
            for coming in view.points().filter(|coming| self.is_new(coming)) {
                self.catalog.ask_labels(&coming, &mut unknown);
            }
        }
        let none = [unknown.metrics.len(), unknown.origins.len(), unknown.labels.len()] == [0; 3];
        (!none).then_some(unknown)
    }
}

impl Catalog {
    fn ask(&self, view: &View, unknown: &mut Unknown) {
        for (i, key) in view.metrics.iter().enumerate() {
            let room = self.metrics.len() + unknown.metrics.len() < self.limit;
            if room && !self.metrics.contains_key(key) {
                unknown.metrics.entry(*key).or_insert_with(|| view.metric(i).told());
            }
        }
        for (i, key) in view.origins.iter().enumerate() {
            let room = self.origins.len() + unknown.origins.len() < self.limit;
            if room && !self.origins.contains_key(key) {
                unknown.origins.entry(*key).or_insert_with(|| view.origin(i).read());
            }
        }
    }

    fn ask_labels(&self, coming: &Coming, unknown: &mut Unknown) {
        for body in coming.attributes() {
            with_key(body, |key| {
                let key = str::from_utf8(key).unwrap_or_default();
                if !self.labels.contains_key(key) && !unknown.labels.contains(key) {
                    unknown.labels.insert(key.to_owned());
                }
            });
        }
    }
}

/// Label names and values as Python gives them.
pub fn labels(pairs: &[(String, String)]) -> Labels {
    let borrowed = |(name, value): &'_ (String, String)| (name.clone(), value.clone());
    let owned: Vec<_> = pairs.iter().map(borrowed).collect();
    Labels::of(owned.iter().map(|(name, value)| (name.as_str(), Cow::from(value))).collect())
}
