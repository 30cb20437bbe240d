//! Edits: other values at some paths of some items. All edits of a call are one write.

use std::borrow::Cow;
use std::ptr;
use std::sync::Arc;

use crate::index::Node;
use crate::inner;
use crate::payload::Payload;
use crate::select::{DATA, OwnFields, replace};
use crate::task::{AT_ONCE, Place, Task, write};

/// The code of an item that an edit leaves as it is.
pub const UNTOUCHED: u32 = u32::MAX;

/// What becomes of one path.
pub struct Edit {
    /// The level of messages, of `Signal::levels`, that the path begins at.
    pub level: usize,
    /// For each message that can stand there.
    pub places: Vec<Place>,
    /// One for each item; of the items below one message the last that is not `UNTOUCHED` counts.
    pub codes: Vec<u32>,
}

impl Edit {
    /// What is to be done to a message that the place `place` is for, if its code says so.
    pub fn task(&self, place: usize, at: usize) -> Option<Task<'_>> {
        let (place, code) = (self.places.get(place)?, *self.codes.get(at)?);
        (code != UNTOUCHED).then(|| Task::new(place, code))
    }
}

/// The payloads after all `edits`, in their order.
pub fn edit(payloads: &[Arc<Payload>], edits: &[Edit]) -> Vec<Arc<Payload>> {
    let is_inside = |edit: &&Edit| payloads.iter().any(|p| edit.level == p.signal.levels.len());
    let mut payloads = payloads.to_vec();
    for edits in edits.chunk_by(|one, other| is_inside(&one) == is_inside(&other)) {
        let edit = if is_inside(&&edits[0]) { inner::edit } else { edit_levels };
        payloads = edit(&payloads, edits);
    }
    payloads
}

fn edit_levels(payloads: &[Arc<Payload>], edits: &[Edit]) -> Vec<Arc<Payload>> {
    let mut first = 0;
    let edited = payloads.iter().map(|payload| {
        let items = first..first + payload.items();
        first = items.end;
        edits.chunks(AT_ONCE).fold(Arc::clone(payload), |payload, edits| {
            let plans: Vec<_> = edits
                .iter()
                .map(|edit| Plan::new(edit, &payload, &edit.codes[items.clone()]))
                .collect();
            apply(&payload, &plans).map_or(payload, Arc::new)
        })
    });
    edited.collect()
}

/// An edit of one payload: its code for each message of its level.
struct Plan<'a> {
    edit: &'a Edit,
    codes: Vec<u32>,
}

impl<'a> Plan<'a> {
    fn new(edit: &'a Edit, payload: &Payload, items: &[u32]) -> Self {
        let levels = &payload.index().levels;
        let mut codes = items.to_vec();
        for level in (edit.level..levels.len() - 1).rev() {
            let mut of_parents = vec![UNTOUCHED; levels[level].len()];
            for (node, code) in levels[level + 1].iter().zip(codes) {
                if code != UNTOUCHED {
                    of_parents[node.parent as usize] = code;
                }
            }
            codes = of_parents;
        }
        if edit.level == DATA {
            share(&levels[DATA], &mut codes);
        }
        Self { edit, codes }
    }
}

/// Give all pieces of a metric's data, which merge into one message, the code of the last of them.
fn share(pieces: &[Node], codes: &mut [u32]) {
    let mut at = 0;
    for of_metric in pieces.chunk_by(|one, other| one.parent == other.parent) {
        let codes = &mut codes[at..at + of_metric.len()];
        at += of_metric.len();
        if let Some(&last) = codes.iter().rfind(|code| **code != UNTOUCHED) {
            codes.fill(last);
        }
    }
}

fn apply(payload: &Payload, plans: &[Plan]) -> Option<Payload> {
    let touched = |plan: &&Plan| plan.codes.iter().any(|code| *code != UNTOUCHED);
    let plans: Vec<&Plan> = plans.iter().filter(touched).collect();
    if plans.is_empty() {
        return None;
    }
    let mut own = OwnFields::of(payload.index());
    for level in 0..payload.index().levels.len() {
        let here: Vec<&Plan> =
            plans.iter().copied().filter(|plan| plan.edit.level == level).collect();
        if !here.is_empty() {
            apply_to_level(payload, level, &here, &mut own);
        }
    }
    Some(replace(payload, &own))
}

fn apply_to_level(payload: &Payload, level: usize, plans: &[&Plan], own: &mut OwnFields) {
    let mut children = payload.index().levels.get(level + 1).map_or(&[][..], Vec::as_slice);
    let mut tasks = Vec::with_capacity(plans.len());
    let nodes = &payload.index().levels[level];
    let common = (level < DATA && !nodes.is_empty()).then(|| payload.message_of(level, 0));
    for (i, node) in nodes.iter().enumerate() {
        let (mine, rest) =
            children.split_at(children.partition_point(|child| child.tag < node.end));
        children = rest;
        let message = common.unwrap_or_else(|| payload.message_of(level, i));
        let mine_to_do =
            plans.iter().filter(|plan| plan.codes[i] != UNTOUCHED).filter_map(|plan| {
                let place = plan.edit.places.iter().find(|place| ptr::eq(place.start, message))?;
                Some(Task::new(place, plan.codes[i]))
            });
        tasks.clear();
        tasks.extend(mine_to_do);
        if !tasks.is_empty() {
            let body = own_fields(payload.bytes(), node, mine);
            own.set(level, i, |out| write(out, message, &body, &tasks));
        }
    }
}

/// What a message has besides `children`.
pub fn own_fields<'a>(bytes: &'a [u8], node: &Node, children: &[Node]) -> Cow<'a, [u8]> {
    if children.is_empty() {
        return Cow::Borrowed(node.body(bytes));
    }
    let mut own = Vec::new();
    let mut pos = node.body;
    for child in children {
        own.extend_from_slice(&bytes[pos as usize..child.tag as usize]);
        pos = child.end;
    }
    own.extend_from_slice(&bytes[pos as usize..node.end as usize]);
    Cow::Owned(own)
}
