//! Orders of entries that lie in a `Vec`, from which any can be taken at once.

const NOBODY: u32 = u32::MAX;

/// Who comes before and after an entry.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    before: u32,
    after: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self { before: NOBODY, after: NOBODY }
    }
}

/// The ends of an order.
pub struct Turns {
    first: u32,
    last: u32,
}

impl Default for Turns {
    fn default() -> Self {
        Self { first: NOBODY, last: NOBODY }
    }
}

impl From<u32> for Turns {
    /// An order of which only the first is known.
    fn from(first: u32) -> Self {
        Self { first, last: NOBODY }
    }
}

impl Turns {
    pub fn first(&self) -> Option<u32> {
        (self.first != NOBODY).then_some(self.first)
    }

    /// Put an entry last. All that have been in the order must have come like this.
    pub fn add<T>(&mut self, entries: &mut [T], links: fn(&mut T) -> &mut Links, place: u32) {
        *links(&mut entries[place as usize]) = Links { before: self.last, after: NOBODY };
        match self.last {
            NOBODY => self.first = place,
            last => links(&mut entries[last as usize]).after = place,
        }
        self.last = place;
    }

    pub fn add_first<T>(&mut self, entries: &mut [T], links: fn(&mut T) -> &mut Links, place: u32) {
        *links(&mut entries[place as usize]) = Links { before: NOBODY, after: self.first };
        if self.first != NOBODY {
            links(&mut entries[self.first as usize]).before = place;
        }
        self.first = place;
    }

    pub fn take<T>(&mut self, entries: &mut [T], links: fn(&mut T) -> &mut Links, place: u32) {
        let Links { before, after } = *links(&mut entries[place as usize]);
        match before {
            NOBODY => self.first = after,
            before => links(&mut entries[before as usize]).after = after,
        }
        match after {
            NOBODY => self.last = before,
            after => links(&mut entries[after as usize]).before = before,
        }
    }
}
