//! Bytes that many keys have in common, kept once and for as long as a key has them.

use std::sync::Arc;

use ahash::HashMap;

use crate::series::identity::Id;

/// Texts by number. A number is that of another one after the last user has let go.
#[derive(Default)]
pub struct Shared {
    numbers: HashMap<Id, u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
}

struct Entry {
    id: Id,
    bytes: Arc<[u8]>,
    uses: u32,
}

impl Shared {
    /// One more user of the bytes with this identity.
    pub fn take(&mut self, id: Id, bytes: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(&id) {
            self.entries[*number as usize].uses += 1;
            return *number;
        }
        let entry = Entry { id, bytes: Arc::from(bytes), uses: 1 };
        let number = if let Some(number) = self.free.pop() {
            self.entries[number as usize] = entry;
            number
        } else {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        };
        self.numbers.insert(id, number);
        number
    }

    /// One user less.
    pub fn release(&mut self, number: u32) {
        let Some(entry) = self.entries.get_mut(number as usize) else { return };
        entry.uses -= 1;
        if entry.uses == 0 {
            entry.bytes = Arc::default();
            self.numbers.remove(&entry.id);
            self.free.push(number);
        }
    }

    /// The bytes of a number; none for one that nobody has.
    pub fn get(&self, number: u32) -> Arc<[u8]> {
        self.entries.get(number as usize).map(|entry| Arc::clone(&entry.bytes)).unwrap_or_default()
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        let held: usize = self.entries.iter().map(|entry| entry.bytes.len() + 16).sum();
        let slots = self.entries.capacity() * size_of::<Entry>() + self.free.capacity() * 4;
        held + slots + self.numbers.capacity() * (size_of::<(Id, u32)>() + 1)
    }
}
