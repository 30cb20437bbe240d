//! Edits: other values at some paths of some items. All edits of a call are one write.

use std::borrow::Cow;
use std::ptr;
use std::sync::Arc;

use ahash::HashSet;

use crate::encode::{key_value, write_record};
use crate::index::Node;
use crate::inner;
use crate::lookup::{pair, submessage, with_key};
use crate::path::Step;
use crate::payload::Payload;
use crate::scalar::wire_type;
use crate::schema::{ANY_VALUE, Field, KEY_VALUE_LIST, Message, Signal};
use crate::select::{DATA, OwnFields, replace};
use crate::wire::{self, Fields, LEN};

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

/// Where an edit happens in a message, and what is to be there.
pub struct Place {
    pub start: &'static Message,
    pub steps: Vec<Step>,
    pub change: Change,
}

impl Edit {
    /// What is to be done to a message that the place `place` is for, if its code says so.
    pub fn task(&self, place: usize, at: usize) -> Option<Task<'_>> {
        let (place, code) = (self.places.get(place)?, *self.codes.get(at)?);
        (code != UNTOUCHED).then(|| Task::new(place, code))
    }
}

pub enum Change {
    /// By code: the fields that take the place of what is there; none deletes it.
    Put(Vec<Vec<u8>>),
    /// Of the pairs there, only those with these keys stay.
    Retain(HashSet<Vec<u8>>),
}

/// How many edits one pass over a message can keep in mind.
const AT_ONCE: usize = 64;

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
    let common = (level < DATA && !nodes.is_empty()).then(|| message_of(payload, level, 0));
    for (i, node) in nodes.iter().enumerate() {
        let (mine, rest) =
            children.split_at(children.partition_point(|child| child.tag < node.end));
        children = rest;
        let message = common.unwrap_or_else(|| message_of(payload, level, i));
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

/// Which message stands at a place of the index.
pub fn message_of(payload: &Payload, level: usize, i: usize) -> &'static Message {
    let levels = &payload.index().levels;
    let signal: &'static Signal = payload.signal;
    let number = |node: &Node| {
        let (mut pos, end) = (node.tag as usize, node.body as usize);
        wire::tag(payload.bytes(), &mut pos, end).map_or(0, |(number, _)| number)
    };
    let mut numbers = [0; 8];
    let mut at = i;
    for level in (0..=level).rev() {
        let node = &levels[level][at];
        numbers[level] = if level == DATA { number(node) } else { signal.levels[level][0] };
        at = node.parent as usize;
    }
    let down = |message: &'static Message, number: &u32| message.child(*number).unwrap_or(message);
    numbers[..=level].iter().fold(signal.request, down)
}

/// A change of one message: by `steps` from it to a place.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    steps: &'a [Step],
    what: What<'a>,
}

#[derive(Clone, Copy)]
enum What<'a> {
    Put(&'a [u8]),
    Retain(&'a HashSet<Vec<u8>>),
}

impl<'a> Task<'a> {
    fn new(place: &'a Place, code: u32) -> Self {
        let what = match &place.change {
            Change::Put(fields) => What::Put(fields.get(code as usize).map_or(&[], Vec::as_slice)),
            Change::Retain(keys) => What::Retain(keys),
        };
        Self { steps: &place.steps, what }
    }

    /// Whether it is about all of the message.
    pub fn is_all(&self) -> bool {
        self.steps.is_empty()
    }

    fn deletes(&self) -> bool {
        matches!(self.what, What::Put([]) | What::Retain(_))
    }
}

/// Write the body of a `message` after `tasks`, in their order.
pub fn write(out: &mut Vec<u8>, message: &'static Message, body: &[u8], tasks: &[Task]) {
    if tasks.iter().all(|task| task.steps.len() == 1) && !repeats(tasks) {
        return write_flat(out, message, body, tasks);
    }
    let mut now = Cow::Borrowed(body);
    for task in tasks {
        now = Cow::Owned(write_one(message, &now, *task));
    }
    out.extend_from_slice(&now);
}

/// Whether two tasks may be about one place, so that their order counts.
fn repeats(tasks: &[Task]) -> bool {
    tasks.iter().enumerate().any(|(i, task)| tasks[..i].iter().any(|other| other.meets(task)))
}

impl Task<'_> {
    fn meets(&self, other: &Self) -> bool {
        match (&self.steps[0], &other.steps[0]) {
            (Step::Pair(one, key), Step::Pair(two, other_key)) => {
                one.number == two.number && key == other_key
            }
            (Step::Entry(_), _) | (_, Step::Entry(_)) => true,
            (one, two) => {
                let (one, two) = (field_of(one), field_of(two));
                one.number == two.number || one.oneof && two.oneof
            }
        }
    }
}

fn field_of(step: &Step) -> &'static Field {
    match step {
        Step::Field(field) | Step::Pair(field, _) => field,
        Step::Entry(_) => &KEY_VALUE_LIST.fields[0],
    }
}

/// The body after one task.
fn write_one(message: &'static Message, body: &[u8], task: Task) -> Vec<u8> {
    let (step, rest) = task.steps.split_first().expect("a path has a step");
    let mut out = Vec::with_capacity(body.len());
    if let Step::Entry(key) = step {
        return write_entry(body, key, Task { steps: rest, ..task });
    }
    if rest.is_empty() {
        write_flat(&mut out, message, body, &[task]);
        return out;
    }
    let data = Cow::Borrowed(body);
    let (inner, found) = match step {
        Step::Pair(field, key) => (&ANY_VALUE, pair(&data, field.number, key)),
        step => {
            let field = field_of(step);
            (message.child(field.number).unwrap_or(message), submessage(&data, field.number))
        }
    };
    if found.is_none() && task.deletes() {
        return body.to_vec();
    }
    let new = write_one(inner, &found.unwrap_or_default(), Task { steps: rest, ..task });
    let mut record = Vec::new();
    match step {
        Step::Pair(field, key) => {
            write_record(&mut record, field.number, &key_value(key.as_bytes(), &new));
        }
        step => write_record(&mut record, field_of(step).number, &new),
    }
    let task = Task { steps: std::slice::from_ref(step), what: What::Put(&record) };
    write_flat(&mut out, message, body, &[task]);
    out
}

/// An `AnyValue` after a task on what it holds under `key`, if it is a map or nothing yet.
fn write_entry(any_value: &[u8], key: &str, rest: Task) -> Vec<u8> {
    const KVLIST: u32 = 6;
    let Some(list) = map_in(any_value).filter(|list| !(list.is_empty() && rest.deletes())) else {
        return any_value.to_vec();
    };
    let mut steps = vec![Step::Pair(&KEY_VALUE_LIST.fields[0], key.to_owned())];
    steps.extend_from_slice(rest.steps);
    let list = write_one(&KEY_VALUE_LIST, &list, Task { steps: &steps, ..rest });
    let mut out = Vec::with_capacity(list.len() + 6);
    write_record(&mut out, KVLIST, &list);
    out
}

/// The pairs of the map that an `AnyValue` is; of one that holds nothing, none.
fn map_in(any_value: &[u8]) -> Option<Vec<u8>> {
    let parts = crate::merge::merge(&ANY_VALUE, std::iter::once(any_value));
    let Some(first) = parts.first() else { return Some(Vec::new()) };
    let is_map = first.field.number == 6;
    is_map.then(|| crate::merge::bodies(&parts).collect::<Vec<_>>().concat())
}

/// Write a body with tasks of one step each, about places that differ, in one pass.
fn write_flat(out: &mut Vec<u8>, message: &'static Message, body: &[u8], tasks: &[Task]) {
    let mut done = 0_u64;
    let mut run = 0;
    let wanted = Wanted::of(message, tasks);
    for field in Fields::new(body) {
        let bit = 1 << field.number.min(63);
        let found = if wanted.keys & bit != 0 && field.wire_type == LEN {
            let is_about =
                |key: &[u8]| tasks.iter().position(|task| task.is_about_key(&field, key));
            with_key(&body[field.body..field.end], is_about)
        } else if wanted.fields & bit != 0 {
            tasks.iter().position(|task| task.is_about(&field, message))
        } else {
            None
        };
        let Some(i) = found else { continue };
        out.extend_from_slice(&body[run..field.tag]);
        run = field.end;
        if let What::Put(new) = tasks[i].what
            && done >> i & 1 == 0
        {
            out.extend_from_slice(new);
            done |= 1 << i;
        }
    }
    out.extend_from_slice(&body[run..]);
    for (i, task) in tasks.iter().enumerate() {
        if let What::Put(new) = task.what
            && done >> i & 1 == 0
        {
            out.extend_from_slice(new);
        }
    }
}

/// The numbers of fields that tasks may be about, as bits: of some by their keys.
#[derive(Default)]
struct Wanted {
    keys: u64,
    fields: u64,
}

impl Wanted {
    fn of(message: &Message, tasks: &[Task]) -> Self {
        let bit = |field: &Field| 1_u64 << field.number.min(63);
        let mut wanted = Self::default();
        for task in tasks {
            let field = field_of(&task.steps[0]);
            if task.is_by_key() {
                wanted.keys |= bit(field);
            } else if field.oneof {
                wanted.fields |=
                    message.fields.iter().filter(|f| f.oneof).fold(0, |bits, f| bits | bit(f));
            } else {
                wanted.fields |= bit(field);
            }
        }
        wanted
    }
}

impl Task<'_> {
    fn is_by_key(&self) -> bool {
        matches!((&self.steps[0], self.what), (Step::Pair(..), _) | (_, What::Retain(_)))
    }

    /// Whether a pair with this key is at this task's place.
    fn is_about_key(&self, pair: &wire::Field, found: &[u8]) -> bool {
        pair.number == field_of(&self.steps[0]).number
            && match (&self.steps[0], self.what) {
                (Step::Pair(_, key), _) => found == key.as_bytes(),
                (_, What::Retain(keys)) => !keys.contains(found),
                _ => false,
            }
    }

    /// Whether a field is at this task's place, or excluded by what will be there.
    fn is_about(&self, found: &wire::Field, message: &Message) -> bool {
        let field = field_of(&self.steps[0]);
        let same = found.number == field.number;
        let other = if field.oneof && !same { message.field(found.number) } else { None };
        same && fits(field, found) || other.is_some_and(|other| other.oneof && fits(other, found))
    }
}

/// Whether an occurrence has the field's wire type; one that has not is unknown, and stays.
fn fits(field: &Field, found: &wire::Field) -> bool {
    found.wire_type == wire_type(field.kind) || field.repeated && found.wire_type == LEN
}
