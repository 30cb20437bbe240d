//! Messages inside the items that have columns of their own: the events of spans.

use std::sync::Arc;

use crate::edit::{Edit, UNTOUCHED};
use crate::encode::write_record;
use crate::index::Node;
use crate::payload::Payload;
use crate::select::replace;
use crate::splices::Splices;
use crate::task::{Task, write};
use crate::wire::{Field, Fields, LEN};

/// The messages inside an item.
pub fn messages(payload: &Payload, item: &Node) -> impl Iterator<Item = Field> {
    let (bytes, numbers) = (payload.bytes(), payload.signal.inner);
    Fields::within(bytes, item.body as usize, item.end as usize)
        .filter(move |field| field.wire_type == LEN && numbers.contains(&field.number))
}

/// For every message inside the items: the position of its item.
pub fn owners(payloads: &[Arc<Payload>]) -> Vec<u32> {
    let mut owners = Vec::new();
    let mut position = 0;
    for payload in payloads {
        for item in payload.index().items() {
            owners.extend(messages(payload, item).map(|_| position));
            position += 1;
        }
    }
    owners
}

/// The payloads after `edits` of what is inside the items; a message that is put away goes whole.
pub fn edit(payloads: &[Arc<Payload>], edits: &[Edit]) -> Vec<Arc<Payload>> {
    let mut at = 0;
    let edited = payloads.iter().map(|payload| {
        let mut splices = Splices::of(payload.index());
        let last = payload.index().levels.len() - 1;
        for (i, item) in payload.index().items().iter().enumerate() {
            let count = messages(payload, item).count();
            let codes = at..at + count;
            at += count;
            if edits.iter().any(|edit| edit.codes[codes.clone()].iter().any(|c| *c != UNTOUCHED)) {
                splices.put_all(last, i, item, &[], |out| {
                    edit_item(out, payload, item, edits, codes.start);
                });
            }
        }
        if splices.is_empty() { Arc::clone(payload) } else { Arc::new(replace(payload, &splices)) }
    });
    edited.collect()
}

fn edit_item(out: &mut Vec<u8>, payload: &Payload, item: &Node, edits: &[Edit], first: usize) {
    let bytes = payload.bytes();
    let mut run = item.body as usize;
    let mut new = Vec::new();
    for (at, message) in (first..).zip(messages(payload, item)) {
        let tasks: Vec<Task> = edits.iter().filter_map(|edit| edit.task(0, at)).collect();
        if tasks.is_empty() {
            continue;
        }
        out.extend_from_slice(&bytes[run..message.tag]);
        run = message.end;
        if tasks.iter().any(Task::is_all) {
            continue;
        }
        new.clear();
        write(&mut new, edits[0].places[0].start, &bytes[message.body..message.end], &tasks);
        write_record(out, message.number, &new);
    }
    out.extend_from_slice(&bytes[run..item.end as usize]);
}
