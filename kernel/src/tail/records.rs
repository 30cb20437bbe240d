//! A request of log records that is being written, from one file after the other.

use super::entry::Entry;
use super::value::Map;
use super::write::{record_len, write_entry, write_pairs};
use crate::encode::write_record;
use crate::pool;
use crate::wire::{LEN, write_tag, write_varint};

#[derive(Default)]
pub struct Records {
    out: Vec<u8>,
    /// The records of the last resource, as fields of `ScopeLogs`.
    group: Vec<u8>,
    resource: Vec<u8>,
    scratch: Vec<u8>,
    pub items: usize,
    /// When entries are read, in Unix nanoseconds.
    pub now: u64,
}

impl Records {
    /// About the bytes of the request as it is now.
    pub fn size(&self) -> usize {
        self.out.len() + self.group.len()
    }

    pub fn add(&mut self, entry: &Entry) {
        self.choose(&entry.resource);
        self.scratch.clear();
        write_entry(&mut self.scratch, entry, self.now);
        write_record(&mut self.group, 2, &self.scratch);
        self.items += 1;
    }

    /// Have what is added next under that resource.
    fn choose(&mut self, resource: &Map) {
        self.scratch.clear();
        write_pairs(&mut self.scratch, 1, resource, 1);
        if self.scratch != self.resource {
            let resource = std::mem::take(&mut self.scratch);
            self.close();
            self.resource = resource;
        }
    }

    fn close(&mut self) {
        if self.group.is_empty() {
            return;
        }
        let len = record_len(self.resource.len()) + record_len(self.group.len());
        let size = self.out.len() + record_len(len);
        if self.out.capacity() < size {
            pool::resize(&mut self.out, size);
        }
        write_tag(&mut self.out, 1, LEN);
        write_varint(&mut self.out, len as u64);
        write_record(&mut self.out, 1, &self.resource);
        write_record(&mut self.out, 2, &self.group);
        self.group.clear();
    }

    /// The request; what is added next begins another one.
    pub fn take(&mut self) -> Vec<u8> {
        self.close();
        self.items = 0;
        std::mem::take(&mut self.out)
    }
}
