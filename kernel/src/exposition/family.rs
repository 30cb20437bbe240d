//! Families of series: what is exposed under one name has one type, one help and one unit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::series::value::Value;

/// The types of Prometheus that telemetry becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Unknown,
}

impl Kind {
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            "unknown" => Self::Unknown,
            _ => return None,
        })
    }

    pub fn holds(self, value: &Value) -> bool {
        match value {
            Value::Absent => false,
            Value::Int(_) | Value::Double(_) => !matches!(self, Self::Histogram | Self::Summary),
            Value::Histogram(_) | Value::Exponential(_) => self == Self::Histogram,
            Value::Summary(_) => self == Self::Summary,
        }
    }

    /// The label that its samples have besides those of the series.
    pub fn own_label(self) -> Option<&'static str> {
        match self {
            Self::Histogram => Some("le"),
            Self::Summary => Some("quantile"),
            _ => None,
        }
    }

    /// What the names of its samples may have after the family's.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Histogram => &["_bucket", "_sum", "_count"],
            Self::Summary => &["_sum", "_count"],
            _ => &[],
        }
    }
}

/// What metrics of several sources say about one family; where they differ it is left out.
#[derive(Clone, Debug, Default, PartialEq)]
enum Comment {
    #[default]
    None,
    Said(String),
    Disputed,
}

impl Comment {
    fn say(&mut self, text: &str) {
        match self {
            _ if text.is_empty() => {}
            Self::None => *self = Self::Said(text.to_owned()),
            Self::Said(said) if said != text => *self = Self::Disputed,
            _ => {}
        }
    }

    fn text(&self) -> String {
        if let Self::Said(text) = self { text.clone() } else { String::new() }
    }
}

pub struct Family {
    pub name: String,
    pub kind: Kind,
    /// Its place among all that there are.
    pub number: u32,
    comments: Mutex<[Comment; 2]>,
}

impl Family {
    /// Its help and its unit; empty where there is none, or several.
    pub fn comments(&self) -> [String; 2] {
        lock(&self.comments).each_ref().map(Comment::text)
    }

    fn say(&self, help: &str, unit: &str) {
        let [known_help, known_unit] = &mut *lock(&self.comments);
        known_help.say(help);
        known_unit.say(unit);
    }

    /// The names of its samples.
    fn names(&self) -> impl Iterator<Item = String> {
        let suffixes = [""].iter().chain(self.kind.suffixes());
        suffixes.map(|suffix| format!("{}{suffix}", self.name))
    }
}

/// The families that have series, by the names of their samples.
#[derive(Default)]
pub struct Families {
    by_name: HashMap<String, Arc<Family>>,
    places: Vec<Option<Arc<Family>>>,
    free: Vec<u32>,
}

impl Families {
    /// The family of a name, which is new or has the same type; `None` where names or types collide.
    pub fn join(&mut self, name: &str, kind: Kind, help: &str, unit: &str) -> Option<Arc<Family>> {
        if let Some(known) = self.by_name.get(name).filter(|known| known.name == name) {
            let same = known.kind == kind;
            return same.then(|| {
                known.say(help, unit);
                Arc::clone(known)
            });
        }
        let number = self.free.last().copied().unwrap_or(self.places.len() as u32);
        let family = Family { name: name.to_owned(), kind, number, comments: Mutex::default() };
        if family.names().any(|name| self.by_name.contains_key(&name)) {
            return None;
        }
        family.say(help, unit);
        let family = Arc::new(family);
        self.by_name.extend(family.names().map(|name| (name, Arc::clone(&family))));
        match self.free.pop() {
            Some(place) => self.places[place as usize] = Some(Arc::clone(&family)),
            None => self.places.push(Some(Arc::clone(&family))),
        }
        Some(family)
    }

    /// By their places.
    pub fn all(&self) -> Vec<Option<Arc<Family>>> {
        self.places.clone()
    }

    /// Let those go that nobody else knows; whether there were any.
    pub fn sweep(&mut self) -> bool {
        let left: Vec<Arc<Family>> = self.places.iter().flatten().cloned().collect();
        // This list, the one of places and each name of a sample hold it.
        let own = |family: &Family| 3 + family.kind.suffixes().len();
        let left = left.into_iter().filter(|family| Arc::strong_count(family) <= own(family));
        let left: Vec<_> = left.collect();
        for family in &left {
            family.names().for_each(|name| drop(self.by_name.remove(&name)));
            self.places[family.number as usize] = None;
            self.free.push(family.number);
        }
        !left.is_empty()
    }
}
