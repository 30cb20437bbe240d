//! Metrics with other points: what the verbs on series give back.

use std::sync::Arc;

use super::identity::{Id, ids};
use super::point::Point;
use crate::edit::own_fields;
use crate::index::Node;
use crate::payload::Payload;
use crate::schema::Message;
use crate::select::{DATA, rewrite_some};
use crate::splices::Splices;
use crate::wire::{Fields, VARINT, write_tag, write_varint};

/// What becomes of a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It stays as it is.
    Stays,
    /// It goes.
    Goes,
    /// It has other values.
    Becomes(Point),
    /// It is another message.
    Is(Vec<u8>),
}

/// Numbers of `AggregationTemporality`.
pub const DELTA: u32 = 1;
pub const CUMULATIVE: u32 = 2;

/// The numbers of the fields of `Metric` that hold gauges and sums.
pub const GAUGE: u32 = 5;
pub const SUM: u32 = 7;

/// A point that somebody is to deal with.
pub struct Subject<'a> {
    /// Its position in the batch.
    pub item: usize,
    pub id: Id,
    pub point: Point,
    pub traits: &'a Traits,
}

/// What the metric around a point says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// The number of the field of `Metric` that holds its data.
    pub kind: u32,
    pub temporality: u32,
    pub is_monotonic: bool,
}

/// Tell `look` of every point whose `wanted` is true.
pub fn each(payloads: &[Arc<Payload>], wanted: &[bool], mut look: impl FnMut(Subject)) {
    let mut first = 0;
    for payload in payloads {
        let here = first..first + payload.items();
        first = here.end;
        if !wanted[here.clone()].contains(&true) {
            continue;
        }
        let traits = traits(payload);
        let points = here.zip(ids(payload)).zip(payload.index().items()).enumerate();
        for (i, ((item, id), node)) in points.filter(|(_, ((item, _), _))| wanted[*item]) {
            let point = Point::read(message_of(payload, i), node.body(payload.bytes()));
            look(Subject { item, id, point, traits: &traits[node.parent as usize] });
        }
    }
}

/// The payloads after what became of each point. Metrics of points that become others have that
/// `temporality` then.
pub fn write(
    payloads: &[Arc<Payload>],
    mut outcomes: &[Outcome],
    temporality: Option<u32>,
) -> Vec<Arc<Payload>> {
    let mut results = Vec::with_capacity(payloads.len());
    for payload in payloads {
        let (mine, rest) = outcomes.split_at(payload.items());
        outcomes = rest;
        if mine.iter().all(|outcome| *outcome == Outcome::Stays) {
            results.push(Arc::clone(payload));
        } else {
            results.extend(rewritten(payload, mine, temporality).map(Arc::new));
        }
    }
    results
}

fn message_of(payload: &Payload, point: usize) -> &'static Message {
    payload.message_of(DATA + 1, point)
}

/// Of each piece of the metrics' data; pieces of one metric say the same, the last one's word.
fn traits(payload: &Payload) -> Vec<Traits> {
    let pieces = &payload.index().levels[DATA];
    let mut all = Vec::with_capacity(pieces.len());
    for of_metric in pieces.chunk_by(|one, other| one.parent == other.parent) {
        let mut traits = Traits::default();
        for piece in of_metric {
            traits.read(payload, piece);
        }
        all.extend(of_metric.iter().map(|_| traits));
    }
    all
}

impl Traits {
    /// Whether values become less only when the source begins anew.
    pub fn grows(&self) -> bool {
        self.is_monotonic || !matches!(self.kind, GAUGE | SUM)
    }

    fn read(&mut self, payload: &Payload, piece: &Node) {
        let body = piece.body(payload.bytes());
        self.kind = piece.number(payload.bytes());
        for field in Fields::new(body).filter(|field| field.wire_type == VARINT) {
            match field.number {
                2 => self.temporality = field.varint(body) as u32,
                3 => self.is_monotonic = field.varint(body) != 0,
                _ => {}
            }
        }
    }
}

/// `None` when no point is left.
fn rewritten(payload: &Payload, outcomes: &[Outcome], temporality: Option<u32>) -> Option<Payload> {
    let keep: Vec<bool> = outcomes.iter().map(|outcome| *outcome != Outcome::Goes).collect();
    if !keep.contains(&true) {
        return None;
    }
    let mut splices = Splices::of(payload.index());
    let mut pieces = vec![false; payload.index().levels[DATA].len()];
    for (i, node) in payload.index().items().iter().enumerate() {
        let write = |out: &mut Vec<u8>| match &outcomes[i] {
            Outcome::Becomes(point) => {
                point.write(out, message_of(payload, i), node.body(payload.bytes()));
            }
            Outcome::Is(message) => out.extend_from_slice(message),
            Outcome::Stays | Outcome::Goes => {}
        };
        if matches!(outcomes[i], Outcome::Becomes(_) | Outcome::Is(_)) {
            splices.put_all(DATA + 1, i, node, &[], write);
            pieces[node.parent as usize] = true;
        }
    }
    if let Some(temporality) = temporality {
        set_temporality(payload, &pieces, temporality, &mut splices);
    }
    Some(rewrite_some(payload, &keep, &splices))
}

fn set_temporality(payload: &Payload, pieces: &[bool], temporality: u32, splices: &mut Splices) {
    let levels = &payload.index().levels;
    let mut points = levels[DATA + 1].as_slice();
    for (i, piece) in levels[DATA].iter().enumerate() {
        let (mine, rest) = points.split_at(points.partition_point(|point| point.tag < piece.end));
        points = rest;
        if pieces[i] {
            let says = own_fields(payload.bytes(), piece, mine);
            splices.put_all(DATA, i, piece, mine, |out| {
                for field in Fields::new(&says).filter(|field| field.number != 2) {
                    out.extend_from_slice(&says[field.tag..field.end]);
                }
                write_tag(out, 2, VARINT);
                write_varint(out, u64::from(temporality));
            });
        }
    }
}
