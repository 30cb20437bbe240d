//! Edits: other values at some paths of some items. All edits of a call are one write.

use std::borrow::Cow;
use std::ptr;
use std::sync::Arc;

use crate::index::Node;
use crate::inner;
use crate::payload::Payload;
use crate::schema::Message;
use crate::select::{DATA, replace};
use crate::splices::Splices;
use crate::task::{AT_ONCE, Place, Task, Wanted, write};

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
    let mut splices = Splices::of(payload.index());
    for level in 0..payload.index().levels.len() {
        let here: Vec<&Plan> =
            plans.iter().copied().filter(|plan| plan.edit.level == level).collect();
        if !here.is_empty() {
            apply_to_level(payload, level, &here, &mut splices);
        }
    }
    (!splices.is_empty()).then(|| replace(payload, &splices))
}

fn apply_to_level(payload: &Payload, level: usize, plans: &[&Plan], splices: &mut Splices) {
    let nodes = &payload.index().levels[level];
    let mut children = payload.index().levels.get(level + 1).map_or(&[][..], Vec::as_slice);
    let common = (level < DATA && !nodes.is_empty()).then(|| payload.message_of(level, 0));
    let mut outline = Outline::new(common.unwrap_or(payload.signal.request), plans);
    let mut tasks = Vec::with_capacity(plans.len());
    for (i, node) in nodes.iter().enumerate() {
        let (mine, rest) =
            children.split_at(children.partition_point(|child| child.tag < node.end));
        children = rest;
        let message = common.unwrap_or_else(|| payload.message_of(level, i));
        if !ptr::eq(message, outline.message) {
            outline = Outline::new(message, plans);
        }
        tasks.clear();
        tasks.extend(outline.tasks(plans, i));
        if !tasks.is_empty() {
            outline.change(payload.bytes(), (level, i), node, mine, &tasks, splices);
        }
    }
}

/// What plans are about in messages of one kind.
struct Outline<'a> {
    message: &'static Message,
    places: Vec<(usize, &'a Place)>,
    /// What to look for, if all can be done in one pass.
    flat: Option<Wanted>,
}

impl<'a> Outline<'a> {
    fn new(message: &'static Message, plans: &[&Plan<'a>]) -> Self {
        let place =
            |plan: &&Plan<'a>| plan.edit.places.iter().find(|place| ptr::eq(place.start, message));
        let places: Vec<_> =
            plans.iter().enumerate().filter_map(|(i, plan)| Some((i, place(plan)?))).collect();
        let tasks: Vec<Task> = places.iter().map(|(_, place)| Task::new(place, 0)).collect();
        Self { message, flat: Wanted::of(message, &tasks), places }
    }

    /// What is to be done to the `i`th message of the level.
    fn tasks(&self, plans: &[&Plan], i: usize) -> impl Iterator<Item = Task<'a>> {
        self.places.iter().filter_map(move |(plan, place)| {
            let code = plans[*plan].codes[i];
            (code != UNTOUCHED).then(|| Task::new(place, code))
        })
    }

    /// Note what becomes of the `i`th message of a level, which lies at `node` around `children`.
    fn change(
        &self,
        bytes: &[u8],
        (level, i): (usize, usize),
        node: &Node,
        children: &[Node],
        tasks: &[Task],
        splices: &mut Splices,
    ) {
        if let Some(wanted) = self.flat.as_ref().filter(|_| children.is_empty()) {
            let start = node.body as usize;
            return wanted.changes(node.body(bytes), tasks, |old, new| {
                let old = start + old.start..start + old.end;
                splices.put(level, i, old, |out| out.extend_from_slice(new));
            });
        }
        let body = own_fields(bytes, node, children);
        splices.put_all(level, i, node, children, |out| write(out, self.message, &body, tasks));
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
