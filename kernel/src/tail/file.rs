//! One file that is read as it grows.

use std::io;

use super::entry::Entry;
use super::records::Records;
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
}

impl File {
    /// Read on for about `limit` bytes; return how many it were. With `all`, what is at the end of
    /// the file is an entry although nothing says so.
    pub fn read(
        &mut self,
        rules: &Rules,
        records: &mut Records,
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
            let taken = self.split(rules, &buffer[..filled], all && at_end, records);
            self.offset += taken as u64;
            self.partial = filled - taken;
            if at_end {
                break;
            }
            size = if taken == 0 { size * 2 } else { CHUNK };
        }
        Ok(self.offset - start)
    }

    /// How many of the bytes are entries.
    fn split(&mut self, rules: &Rules, raw: &[u8], all: bool, records: &mut Records) -> usize {
        let data = rules.encoding.splittable(raw);
        let (mut at, mut taken) = (0, 0);
        while let Some((entry, next)) = rules.splitter.next(&data[at..], all, rules.encoding) {
            let offset = self.offset + taken as u64;
            self.number += 1;
            if !entry.is_empty() {
                let body = rules.encoding.decode(&data[at..][entry]);
                records.add(&self.entry(rules, body, offset));
            }
            taken += rules.encoding.raw_len(&data[at..at + next]);
            at += next;
        }
        taken
    }

    fn entry<'a>(&'a self, rules: &'a Rules, mut body: Value<'a>, offset: u64) -> Entry<'a> {
        if offset == 0 {
            body = without_mark(body);
        }
        let mut attributes = self.attributes.lend();
        if rules.record_number {
            attributes.set("log.file.record_number".into(), Value::Int(self.number as i64));
        }
        if rules.record_offset {
            attributes.set("log.file.record_offset".into(), Value::Int(offset as i64));
        }
        let resource = rules.resource.lend();
        Entry { body, attributes, resource, offset, ..Entry::default() }
    }
}

fn without_mark(body: Value) -> Value {
    match body {
        Value::Text(text) if text.starts_with(BYTE_ORDER_MARK) => {
            Value::Text(text[BYTE_ORDER_MARK.len_utf8()..].to_owned().into())
        }
        other => other,
    }
}
