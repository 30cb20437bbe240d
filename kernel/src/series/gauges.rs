//! Sums as gauges: the same points, of which nothing says that they add up.

use std::sync::Arc;

use super::apply::{GAUGE, SUM};
use crate::edit::own_fields;
use crate::index::Node;
use crate::payload::Payload;
use crate::schema::METRIC;
use crate::select::{DATA, replace};
use crate::splices::Splices;
use crate::wire::{Field, Fields};

/// The payloads with a gauge in the place of every sum that has a `wanted` point.
pub fn gauges(payloads: &[Arc<Payload>], mut wanted: &[bool]) -> Vec<Arc<Payload>> {
    let made = payloads.iter().map(|payload| {
        let (mine, rest) = wanted.split_at(payload.items());
        wanted = rest;
        let pieces = pieces(payload, mine);
        if pieces.contains(&true) { Arc::new(made(payload, &pieces)) } else { Arc::clone(payload) }
    });
    made.collect()
}

/// Which pieces of data are of a sum that has a point that is wanted: all of a metric's or none.
fn pieces(payload: &Payload, wanted: &[bool]) -> Vec<bool> {
    let levels = &payload.index().levels;
    let mut metrics = vec![false; levels[DATA - 1].len()];
    for (point, _) in levels[DATA + 1].iter().zip(wanted).filter(|(_, wanted)| **wanted) {
        metrics[levels[DATA][point.parent as usize].parent as usize] = true;
    }
    let is_sum = |piece: &Node| piece.number(payload.bytes()) == SUM;
    levels[DATA].iter().map(|piece| metrics[piece.parent as usize] && is_sum(piece)).collect()
}

fn made(payload: &Payload, pieces: &[bool]) -> Payload {
    let bare = bare(payload, pieces);
    let (mut bytes, index) = (bare.bytes().to_vec(), bare.index().clone());
    for (piece, _) in index.levels[DATA].iter().zip(pieces).filter(|(_, is_one)| **is_one) {
        // The numbers of both fields are in the first byte of the tag, however long it is.
        bytes[piece.tag as usize] ^= ((SUM ^ GAUGE) as u8) << 3;
    }
    Payload::new(bare.signal, bytes, index)
}

/// The payload with nothing but points in these pieces, and no other data in their metrics: a gauge
/// that the sum has superseded would come to life again.
fn bare(payload: &Payload, pieces: &[bool]) -> Payload {
    let levels = &payload.index().levels;
    let mut splices = Splices::of(payload.index());
    for (i, piece, points) in families(&levels[DATA], &levels[DATA + 1]) {
        if pieces[i] {
            splices.put_all(DATA, i, piece, points, |_| ());
        }
    }
    let mut first = 0;
    for (i, metric, data) in families(&levels[DATA - 1], &levels[DATA]) {
        first += data.len();
        if !pieces[first - data.len()..first].contains(&true) {
            continue;
        }
        let says = own_fields(payload.bytes(), metric, data);
        splices.put_all(DATA - 1, i, metric, data, |out| {
            let is_data = |field: &Field| METRIC.field(field.number).is_some_and(|f| f.oneof);
            for field in Fields::new(&says).filter(|field| !is_data(field)) {
                out.extend_from_slice(&says[field.tag..field.end]);
            }
        });
    }
    replace(payload, &splices)
}

/// Every message of a level, with those of the next one that are in it.
fn families<'a>(
    parents: &'a [Node],
    mut children: &'a [Node],
) -> impl Iterator<Item = (usize, &'a Node, &'a [Node])> {
    parents.iter().enumerate().map(move |(i, parent)| {
        let mine;
        (mine, children) =
            children.split_at(children.partition_point(|child| child.tag < parent.end));
        (i, parent, mine)
    })
}
