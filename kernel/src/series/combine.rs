//! Points that an edit made points of one series at one time, as one.

use std::sync::Arc;

use ahash::HashMap;

use super::apply::{DELTA, Outcome, each};
use super::bodies::{Bodies, exemplars};
use super::identity::Id;
use super::point::Point;
use super::value::Value;
use crate::payload::Payload;

/// What becomes of numbers. All else is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Sum,
    Mean,
    Min,
    Max,
    Median,
    Count,
}

impl How {
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            "median" => Self::Median,
            "count" => Self::Count,
            _ => return None,
        })
    }

    /// Whether one number by itself stays as it is.
    fn leaves_one(self) -> bool {
        matches!(self, Self::Sum | Self::Min | Self::Max)
    }
}

/// Of deltas also when they began: they are of one span of time only then.
type Key = (Id, u64, u64);

/// What becomes of each point when those that are `wanted` are combined: the first of some has the
/// value of all, their exemplars and the earliest start.
pub fn combine(payloads: &[Arc<Payload>], wanted: &[bool], how: How) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> =
        wanted.iter().map(|goes| if *goes { Outcome::Goes } else { Outcome::Stays }).collect();
    let mut groups: HashMap<Key, Vec<(usize, Point)>> = HashMap::default();
    each(payloads, wanted, |subject| {
        let start = if subject.traits.temporality == DELTA { subject.point.start } else { 0 };
        let key = (subject.id, subject.point.time, start);
        groups.entry(key).or_default().push((subject.item, subject.point));
    });
    let bodies = Bodies::new(payloads);
    for group in groups.into_values() {
        let first = group[0].0;
        outcomes[first] = if group.len() == 1 && (how.leaves_one() || !group[0].1.is_number()) {
            Outcome::Stays
        } else {
            Outcome::Is(written(&bodies, &group, how))
        };
    }
    outcomes
}

fn written(bodies: &Bodies, group: &[(usize, Point)], how: How) -> Vec<u8> {
    let (message, body) = bodies.get(group[0].0);
    let mut out = Vec::with_capacity(body.len());
    merged(group, how).write(&mut out, message, body);
    for (item, _) in &group[1..] {
        let (message, body) = bodies.get(*item);
        for exemplar in exemplars(message, body) {
            out.extend_from_slice(&body[exemplar.tag..exemplar.end]);
        }
    }
    out
}

fn merged(group: &[(usize, Point)], how: How) -> Point {
    let mut points = group.iter().map(|(_, point)| point).filter(|point| !point.has_no_value());
    let Some(first) = points.next() else { return group[0].1.clone() };
    let mut all = first.clone();
    for point in points.clone() {
        all.start = all.start.min(point.start);
    }
    let values = [first].into_iter().chain(points).map(|point| &point.value);
    all.value = if first.is_number() { of_numbers(values, how) } else { total(values) };
    all
}

fn of_numbers<'a>(values: impl Iterator<Item = &'a Value> + Clone, how: How) -> Value {
    let doubles = values.clone().map(Value::as_double);
    match how {
        How::Sum => total(values),
        How::Min => extreme(values, Value::is_less),
        How::Max => extreme(values, |one, other| other.is_less(one)),
        How::Count => Value::Int(values.count() as i64),
        How::Mean => Value::Double(mean(doubles)),
        How::Median => Value::Double(median(doubles.collect())),
    }
}

/// The same type is the same identity, so that there are no two that cannot be added.
fn total<'a>(values: impl Iterator<Item = &'a Value>) -> Value {
    values.fold(Value::Absent, |mut total, value| {
        let _ = total.add(value);
        total
    })
}

fn extreme<'a>(
    values: impl Iterator<Item = &'a Value>,
    better: impl Fn(&Value, &Value) -> bool,
) -> Value {
    let best = values.reduce(|best, value| if better(value, best) { value } else { best });
    best.cloned().unwrap_or_default()
}

#[allow(clippy::cast_precision_loss)] // nobody has so many points
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    sum / count as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    f64::midpoint(below, above)
}
