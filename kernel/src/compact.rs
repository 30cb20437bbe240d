//! Items under as few parents as possible: resources, scopes and metrics that say the same are one.

use std::sync::Arc;

use ahash::HashMap;

use crate::edit::own_fields;
use crate::encode::write_record;
use crate::index::Node;
use crate::payload::Payload;
use crate::select::DATA;

/// A message: the payload that it is in, and its place among those of its level.
type Place = (usize, usize);

/// The encoding of one request with all items. Parents are the same if their own bytes are; they
/// stay in the order of their first appearance, and so do the items of each.
pub fn compact(payloads: &[Arc<Payload>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payloads.iter().map(|payload| payload.bytes().len()).sum());
    let roots = payloads.iter().enumerate();
    let roots =
        roots.flat_map(|(p, payload)| (0..payload.index().levels[0].len()).map(move |i| (p, i)));
    write(payloads, 0, roots.collect(), &mut out);
    out
}

fn write(payloads: &[Arc<Payload>], level: usize, places: Vec<Place>, out: &mut Vec<u8>) {
    if level + 1 == payloads[0].index().levels.len() {
        for (p, i) in places {
            let node = payloads[p].index().levels[level][i];
            out.extend_from_slice(&payloads[p].bytes()[node.tag as usize..node.end as usize]);
        }
        return;
    }
    for places in alike(payloads, level, places) {
        let (p, i) = places[0];
        let (payload, node) = (&payloads[p], payloads[p].index().levels[level][i]);
        let mut body =
            own_fields(payload.bytes(), &node, children(payload, level, i).1).into_owned();
        let below = places.iter().flat_map(|&(p, i)| {
            let (first, nodes) = children(&payloads[p], level, i);
            (first..first + nodes.len()).map(move |child| (p, child))
        });
        write(payloads, level + 1, below.collect(), &mut body);
        write_record(out, node.number(payload.bytes()), &body);
    }
}

/// The messages in groups that can be one message.
fn alike(payloads: &[Arc<Payload>], level: usize, places: Vec<Place>) -> Vec<Vec<Place>> {
    let mut groups: Vec<Vec<Place>> = Vec::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::default();
    for (p, i) in places {
        let group = *known.entry(key(&payloads[p], level, p, i)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push((p, i));
    }
    groups
}

/// What two messages must have in common to be one.
fn key(payload: &Payload, level: usize, p: usize, i: usize) -> Vec<u8> {
    let node = payload.index().levels[level][i];
    let (first, nodes) = children(payload, level, i);
    let mut key = node.number(payload.bytes()).to_le_bytes().to_vec();
    key.extend_from_slice(&own_fields(payload.bytes(), &node, nodes));
    let alone = [p, i].map(usize::to_le_bytes);
    // A metric has one kind of data: metrics are the same only if that is, too. Data in pieces, which
    // merge into one message, stays as it is.
    if level + 1 == DATA && payload.index().levels.len() > DATA + 1 {
        key.push(nodes.len() as u8);
        if nodes.len() == 1 {
            key.extend(self::key(payload, level + 1, p, first));
        } else {
            key.extend(alone.as_flattened());
        }
    }
    if level == DATA && children(payload, level - 1, node.parent as usize).1.len() > 1 {
        key.extend(alone.as_flattened());
    }
    key
}

/// The messages right below one, and the place of the first.
fn children(payload: &Payload, level: usize, i: usize) -> (usize, &[Node]) {
    let nodes = &payload.index().levels[level + 1];
    let first = nodes.partition_point(|node| (node.parent as usize) < i);
    let count = nodes[first..].partition_point(|node| node.parent as usize == i);
    (first, &nodes[first..first + count])
}
