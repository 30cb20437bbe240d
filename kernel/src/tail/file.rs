//! One file that is read as it grows.

use std::io;

use super::entry::Entry;
use super::program::{Outlet, State};
use super::rules::Rules;
use super::source::Source;
use super::value::{Map, Value};

/// Bytes that are read at once.
const CHUNK: usize = 128 * 1024;

const BYTE_ORDER_MARK: char = '\u{feff}';

pub struct File {
    pub source: Option<Source>,
    /// Up to where it has been split.
    pub offset: u64,
    /// Entries that it had up to there.
    pub number: u64,
    /// Bytes after that which are no entry yet.
    pub partial: usize,
    /// What is said of it with each entry.
    pub attributes: Map<'static>,
    pub state: State,
}

impl File {
    /// Read on for about `limit` bytes; return how many it were. With `all`, what is at the end of
    /// the file is an entry although nothing says so.
    pub fn read(
        &mut self,
        rules: &Rules,
        out: &mut Outlet,
        buffer: &mut Vec<u8>,
        limit: u64,
        all: bool,
    ) -> io::Result<u64> {
        let start = self.offset;
        let mut size = CHUNK;
        while self.offset - start < limit {
            let Some(source) = &mut self.source else { break };
            let filled = source.read_at(self.offset, buffer, size)?;
            let at_end = filled < size;
            let taken = self.split(rules, &buffer[..filled], all && at_end, out);
            self.offset += taken as u64;
            self.partial = filled - taken;
            if at_end {
                break;
            }
            size = if taken == 0 { size * 2 } else { CHUNK };
        }
        rules.operators.flush(&mut self.state, out, out.records.now);
        Ok(self.offset - start)
    }

    /// Up to where entries have become records, all of them, and how many those are.
    pub fn safe(&self) -> (u64, u64) {
        let held = self.state.waiting.iter().map(|held| held.start).min();
        held.unwrap_or((self.offset, self.number))
    }

    /// How many of the bytes are entries.
    fn split(&mut self, rules: &Rules, raw: &[u8], all: bool, out: &mut Outlet) -> usize {
        let data = rules.encoding.splittable(raw);
        let (mut at, mut taken) = (0, 0);
        while let Some((entry, next)) = rules.splitter.next(&data[at..], all, rules.encoding) {
            let offset = self.offset + taken as u64;
            if !entry.is_empty() {
                let body = rules.encoding.decode(&data[at..][entry]);
                let entry = entry_of(rules, &self.attributes, body, (offset, self.number));
                rules.operators.run(entry, &mut self.state, out);
            }
            self.number += 1;
            taken += rules.encoding.raw_len(&data[at..at + next]);
            at += next;
        }
        taken
    }
}

/// `place` is where it begins, and how many entries come before it.
fn entry_of<'a>(
    rules: &'a Rules,
    said: &'a Map<'static>,
    mut body: Value<'a>,
    place: (u64, u64),
) -> Entry<'a> {
    let (offset, number) = place;
    if offset == 0 {
        body = without_mark(body);
    }
    let mut attributes = said.lend();
    if rules.record_number {
        attributes.set("log.file.record_number".into(), Value::Int(number as i64 + 1));
    }
    if rules.record_offset {
        attributes.set("log.file.record_offset".into(), Value::Int(offset as i64));
    }
    let resource = rules.resource.lend();
    Entry { body, attributes, resource, offset, number, ..Entry::default() }
}

fn without_mark(body: Value) -> Value {
    match body {
        Value::Text(text) if text.starts_with(BYTE_ORDER_MARK) => {
            Value::Text(text[BYTE_ORDER_MARK.len_utf8()..].to_owned().into())
        }
        other => other,
    }
}
