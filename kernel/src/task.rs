//! What edits do to one message: its fields again, but for those at some places.

use std::borrow::Cow;
use std::iter;
use std::ops::Range;

use ahash::HashSet;

use crate::encode::{key_value, write_record};
use crate::key::{Key, Match, Start, is_another, with_key};
use crate::lookup::{pair, submessage};
use crate::merge::{bodies, merge};
use crate::path::Step;
use crate::scalar::wire_type;
use crate::schema::{ANY_VALUE, Field, KEY_VALUE_LIST, Message};
use crate::wire::{self, Fields, LEN};

/// Where an edit happens in a message, and what is to be there.
pub struct Place {
    pub start: &'static Message,
    pub steps: Vec<Step>,
    pub change: Change,
}

pub enum Change {
    /// By code: the fields that take the place of what is there; none deletes it.
    Put(Vec<Vec<u8>>),
    /// Of the pairs there, only those with these keys stay.
    Retain(HashSet<Vec<u8>>),
}

/// How many edits one pass over a message can keep in mind.
pub const AT_ONCE: usize = 64;

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
    pub fn new(place: &'a Place, code: u32) -> Self {
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
    if let Some(wanted) = Wanted::of(message, tasks) {
        return write_flat(out, &wanted, body, tasks);
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
                one.number == two.number && key.text() == other_key.text()
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
        write(&mut out, message, body, &[task]);
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
            write_record(&mut record, field.number, &key_value(key.bytes(), &new));
        }
        step => write_record(&mut record, field_of(step).number, &new),
    }
    let task = Task { steps: std::slice::from_ref(step), what: What::Put(&record) };
    write(&mut out, message, body, &[task]);
    out
}

/// An `AnyValue` after a task on what it holds under `key`, if it is a map or nothing yet.
fn write_entry(any_value: &[u8], key: &Key, rest: Task) -> Vec<u8> {
    const KVLIST: u32 = 6;
    let Some(list) = map_in(any_value).filter(|list| !(list.is_empty() && rest.deletes())) else {
        return any_value.to_vec();
    };
    let mut steps = vec![Step::Pair(&KEY_VALUE_LIST.fields[0], key.clone())];
    steps.extend_from_slice(rest.steps);
    let list = write_one(&KEY_VALUE_LIST, &list, Task { steps: &steps, ..rest });
    let mut out = Vec::with_capacity(list.len() + 6);
    write_record(&mut out, KVLIST, &list);
    out
}

/// The pairs of the map that an `AnyValue` is; of one that holds nothing, none.
fn map_in(any_value: &[u8]) -> Option<Vec<u8>> {
    let parts = merge(&ANY_VALUE, iter::once(any_value));
    let Some(first) = parts.first() else { return Some(Vec::new()) };
    let is_map = first.field.number == 6;
    is_map.then(|| bodies(&parts).collect::<Vec<_>>().concat())
}

/// Write a body with tasks in one pass.
fn write_flat(out: &mut Vec<u8>, wanted: &Wanted, body: &[u8], tasks: &[Task]) {
    let mut run = 0;
    wanted.changes(body, tasks, |old, new| {
        out.extend_from_slice(&body[run..old.start]);
        out.extend_from_slice(new);
        run = old.end;
    });
    out.extend_from_slice(&body[run..]);
}

/// What tasks of one step each, about places that differ, look for in a message: numbers of fields, as
/// bits; of some by their keys.
pub struct Wanted {
    message: &'static Message,
    keys: u64,
    fields: u64,
    /// Pairs matter that begin so; all, if there is a task to retain some.
    starts: Option<Vec<Start>>,
}

impl Wanted {
    /// `None` where the tasks have to be done one after the other.
    pub fn of(message: &'static Message, tasks: &[Task]) -> Option<Self> {
        if tasks.iter().any(|task| task.steps.len() != 1) || repeats(tasks) {
            return None;
        }
        let bit = |field: &Field| 1_u64 << field.number.min(63);
        let start = |task: &Task| task.key().map(Key::start);
        let by_key = tasks.iter().filter(|task| task.is_by_key());
        let starts = by_key.map(start).collect();
        let mut wanted = Self { message, keys: 0, fields: 0, starts };
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
        Some(wanted)
    }

    /// Tell `change` what takes the place of what in a body, in the order of the bytes.
    #[inline]
    pub fn changes(
        &self,
        body: &[u8],
        tasks: &[Task],
        mut change: impl FnMut(Range<usize>, &[u8]),
    ) {
        let mut done = 0_u64;
        for field in Fields::new(body) {
            let bit = 1 << field.number.min(63);
            let found = if self.keys & bit != 0 && field.wire_type == LEN {
                let pair = &body[field.body..field.end];
                if self.starts.as_ref().is_some_and(|starts| is_another(pair, starts)) {
                    continue;
                }
                tasks.iter().position(|task| task.is_about_pair(field.number, pair))
            } else if self.fields & bit != 0 {
                tasks.iter().position(|task| task.is_about(&field, self.message))
            } else {
                None
            };
            let Some(i) = found else { continue };
            let new = tasks[i].new_fields().filter(|_| done >> i & 1 == 0);
            done |= 1 << i;
            change(field.tag..field.end, new.unwrap_or_default());
        }
        for (i, task) in tasks.iter().enumerate() {
            if let Some(new @ [_, ..]) = task.new_fields().filter(|_| done >> i & 1 == 0) {
                change(body.len()..body.len(), new);
            }
        }
    }
}

impl Task<'_> {
    fn is_by_key(&self) -> bool {
        matches!((&self.steps[0], self.what), (Step::Pair(..), _) | (_, What::Retain(_)))
    }

    fn key(&self) -> Option<&Key> {
        match &self.steps[0] {
            Step::Pair(_, key) => Some(key),
            _ => None,
        }
    }

    /// What is to be at the place, if that is said.
    fn new_fields(&self) -> Option<&[u8]> {
        match self.what {
            What::Put(new) => Some(new),
            What::Retain(_) => None,
        }
    }

    /// Whether a pair in the field of that number is at this task's place.
    fn is_about_pair(&self, number: u32, pair: &[u8]) -> bool {
        match (&self.steps[0], self.what) {
            (Step::Pair(field, key), _) if field.number == number => match key.matches(pair) {
                Match::Other => false,
                Match::Value(_) => true,
                Match::Unclear => with_key(pair, |found| found == key.bytes()),
            },
            (Step::Field(field), What::Retain(keys)) if field.number == number => {
                with_key(pair, |found| !keys.contains(found))
            }
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
