//! What was decided outside about the points that are to be sent.

use std::borrow::Cow;

use ahash::HashMap;

use super::read::Version;
use crate::exposition::text_of::{pair, text_of};
use crate::wire::{Fields, LEN};

/// A family of series: a metric of Prometheus'.
pub struct Family {
    pub name: String,
    /// A number of `MetricType`.
    pub kind: u64,
    pub help: String,
    pub unit: String,
}

/// What the series of one source have in common.
pub struct Origin {
    /// Attributes that become labels as those of points do, which they supersede: key, name, value.
    pub attributes: Vec<(String, String, String)>,
    /// Labels that supersede all others of their names.
    pub labels: Vec<(String, String)>,
}

/// A series that says something of a source: its labels, its name among them, and its time in
/// milliseconds.
pub struct Info {
    pub labels: Vec<(String, String)>,
    pub time: i64,
}

pub struct Plan {
    pub version: Version,
    /// By metric; points of those without are not sent.
    pub families: Vec<Option<Family>>,
    /// By source.
    pub origins: Vec<Origin>,
    /// The names of labels, by the keys of attributes.
    pub names: HashMap<String, String>,
    /// Labels of series that have none of their names.
    pub external: Vec<(String, String)>,
    pub infos: Vec<Info>,
    /// Whether a request of version 1 says what families there are.
    pub metadata: bool,
    /// Bytes of a request before it is compressed.
    pub max_bytes: usize,
    /// Series are shared out over so many sequences of requests.
    pub shards: usize,
}

/// Labels in the order of their names.
pub type LabelSet<'a> = Vec<(&'a str, Cow<'a, str>)>;

impl Plan {
    /// The labels of a point, whose attributes have this field number, but for its name.
    pub fn labels<'a>(&'a self, origin: &'a Origin, point: &'a [u8], number: u32) -> LabelSet<'a> {
        let mut found = Vec::with_capacity(16);
        for (key, name, value) in &origin.attributes {
            found.push((name.as_str(), key.as_str(), Cow::Borrowed(value.as_str())));
        }
        for field in Fields::new(point).filter(|it| it.number == number && it.wire_type == LEN) {
            let (key, value) = attribute(&point[field.body..field.end]);
            if let Some((key, name)) = self.names.get_key_value(key) {
                found.push((name.as_str(), key.as_str(), value));
            }
        }
        found.sort_by_key(|(name, key, _)| (*name, *key));
        let mut labels = joined(found);
        labels.retain(|(name, _)| origin.labels.iter().all(|(own, _)| own != name));
        labels.extend(borrowed(&origin.labels));
        let external = borrowed(&self.external).filter(|(name, _)| !has(&labels, name));
        let external: LabelSet = external.collect();
        labels.extend(external);
        labels.sort_unstable_by_key(|(name, _)| *name);
        labels
    }
}

/// One label of each name; values under different keys are joined, the first of equal keys counts.
fn joined<'a>(found: Vec<(&'a str, &'a str, Cow<'a, str>)>) -> LabelSet<'a> {
    let mut labels: LabelSet = Vec::with_capacity(found.len());
    let mut last = "";
    for (name, key, value) in found {
        let same = labels.last().is_some_and(|(known, _)| *known == name);
        if !same {
            labels.push((name, value));
        } else if let Some((_, all)) =
            labels.last_mut().filter(|(_, all)| key != last && *all != value)
            && !value.is_empty()
        {
            let separator = if all.is_empty() { "" } else { ";" };
            *all = Cow::Owned([all, separator, &value].concat());
        }
        last = key;
    }
    labels.retain(|(_, value)| !value.is_empty());
    labels
}

fn borrowed(labels: &[(String, String)]) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    labels.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str())))
}

fn has(labels: &LabelSet, name: &str) -> bool {
    labels.iter().any(|(known, _)| *known == name)
}

/// The key and the text of an attribute.
fn attribute(body: &[u8]) -> (&str, Cow<'_, str>) {
    match pair(body) {
        (key, Cow::Borrowed(value)) => (key, text_of(value)),
        (key, Cow::Owned(value)) => (key, Cow::Owned(text_of(&value).into_owned())),
    }
}
