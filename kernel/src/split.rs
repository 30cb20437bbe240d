//! Cut batches into smaller ones.

use std::sync::Arc;

use ahash::HashMap;

use crate::index::Node;
use crate::parts::Parts;
use crate::payload::Payload;
use crate::select::{DATA, select};

type Payloads = Vec<Arc<Payload>>;

/// Consecutive parts of at most so many items and bytes each; an item that is over `max_bytes` by
/// itself is a part of its own.
pub fn split(payloads: &[Arc<Payload>], max_items: usize, max_bytes: usize) -> Vec<Payloads> {
    let mut parts = vec![Vec::new()];
    let (mut items, mut bytes) = (0, 0);
    for payload in payloads {
        let costs = Costs::new(payload);
        let mut from = 0;
        while from < payload.items() {
            let fitting = costs.fitting(from, max_items - items, max_bytes - bytes);
            let take = if fitting == 0 && items == 0 { 1 } else { fitting };
            if take > 0 {
                let part = range(payload, from, from + take, max_bytes - bytes);
                items += take;
                bytes = max_bytes.min(bytes + part.bytes().len());
                parts.last_mut().expect("there is always one").push(part);
                from += take;
            }
            if from < payload.items() {
                parts.push(Vec::new());
                (items, bytes) = (0, 0);
            }
        }
    }
    parts
}

/// The items of a range; the whole payload as it is, if that has room.
fn range(payload: &Arc<Payload>, from: usize, to: usize, room: usize) -> Arc<Payload> {
    if to - from == payload.items() && payload.bytes().len() <= room {
        return Arc::clone(payload);
    }
    let keep: Vec<bool> = (0..payload.items()).map(|i| (from..to).contains(&i)).collect();
    Arc::new(select(payload, &keep))
}

/// What a part of a payload weighs: its items, and what their parents say besides.
struct Costs<'a> {
    payload: &'a Payload,
    /// Bytes of each message that are not its children's; the last level's are the items'.
    own: Vec<Vec<usize>>,
    root: usize,
}

impl<'a> Costs<'a> {
    fn new(payload: &'a Payload) -> Self {
        let levels = &payload.index().levels;
        let size = |node: &Node| (node.end - node.tag) as usize;
        let mut own: Vec<Vec<usize>> =
            levels.iter().map(|nodes| nodes.iter().map(size).collect()).collect();
        for (level, nodes) in levels.iter().enumerate().skip(1) {
            for node in nodes {
                own[level - 1][node.parent as usize] -= size(node);
            }
        }
        // The pieces of a metric's data stay together.
        if levels.len() > DATA {
            for (i, node) in levels[DATA].iter().enumerate() {
                own[DATA - 1][node.parent as usize] += std::mem::take(&mut own[DATA][i]);
            }
        }
        let root = payload.bytes().len() - levels[0].iter().map(size).sum::<usize>();
        Self { payload, own, root }
    }

    /// How many items from `from` on fit into so many items and bytes.
    fn fitting(&self, from: usize, max_items: usize, max_bytes: usize) -> usize {
        let all = self.payload.items() - from;
        if from == 0 && all <= max_items && self.payload.bytes().len() <= max_bytes {
            return all;
        }
        let mut bytes = self.root;
        let mut previous = None;
        let fits = |item: &usize| {
            bytes += self.cost(*item, previous);
            previous = Some(*item);
            bytes <= max_bytes
        };
        (from..from + all.min(max_items)).take_while(fits).count()
    }

    /// The weight of an item and of those of its parents that the item before it does not have.
    fn cost(&self, item: usize, previous: Option<usize>) -> usize {
        let levels = &self.payload.index().levels;
        let mut cost = 0;
        let (mut this, mut before) = (item, previous);
        for level in (0..levels.len()).rev() {
            if before == Some(this) {
                break;
            }
            cost += self.own[level][this];
            this = levels[level][this].parent as usize;
            before = before.map(|node| levels[level][node].parent as usize);
        }
        cost
    }
}

/// The items of each code, by code, in order of first appearance.
pub fn partition(payloads: &[Arc<Payload>], mut codes: &[u32]) -> Vec<(u32, Payloads)> {
    let mut parts: Vec<(u32, Payloads)> = Vec::new();
    let mut position = HashMap::default();
    for payload in payloads {
        let (mine, rest) = codes.split_at(payload.items());
        codes = rest;
        for (code, part) in parted(payload, mine) {
            let at = *position.entry(code).or_insert_with(|| {
                parts.push((code, Vec::new()));
                parts.len() - 1
            });
            parts[at].1.push(part);
        }
    }
    parts
}

/// A payload's items by code.
fn parted(payload: &Arc<Payload>, codes: &[u32]) -> Vec<(u32, Arc<Payload>)> {
    let groups = groups(codes);
    if let [(code, _)] = groups.as_slice() {
        return vec![(*code, Arc::clone(payload))];
    }
    let parts = Parts::new(payload);
    groups.into_iter().map(|(code, items)| (code, Arc::new(parts.part(items)))).collect()
}

/// The positions of each code, in order of first appearance.
fn groups(codes: &[u32]) -> Vec<(u32, Vec<u32>)> {
    let mut groups: Vec<(u32, Vec<u32>)> = Vec::new();
    let mut known: HashMap<u32, usize> = HashMap::default();
    let mut first = 0;
    for run in codes.chunk_by(PartialEq::eq) {
        let items = first..first + run.len() as u32;
        first = items.end;
        let at = *known.entry(run[0]).or_insert_with(|| {
            groups.push((run[0], Vec::new()));
            groups.len() - 1
        });
        groups[at].1.extend(items);
    }
    groups
}
