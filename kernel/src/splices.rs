//! Changes of a request's bytes: what is to be written in the place of what.

use std::ops::Range;

use crate::index::{Index, Node};

/// By level of messages, in the order of the bytes: changes of what messages have besides the
/// messages of the next level.
#[derive(Default)]
pub struct Splices {
    pub levels: Vec<Vec<Splice>>,
    bytes: Vec<u8>,
}

/// Some of a message's bytes, of which there may be none, and where others for them are.
pub struct Splice {
    pub node: u32,
    pub old: Range<usize>,
    pub new: Range<usize>,
}

impl Splices {
    /// For as many levels as `index` has.
    pub fn of(index: &Index) -> Self {
        Self { levels: index.levels.iter().map(|_| Vec::new()).collect(), bytes: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.levels.iter().all(Vec::is_empty)
    }

    /// Have what `write` appends in the place of `old`, which comes after all of that level so far.
    pub fn put(
        &mut self,
        level: usize,
        i: usize,
        old: Range<usize>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let new = start..self.bytes.len();
        self.levels[level].push(Splice { node: i as u32, old, new });
    }

    /// Have what `write` appends in the place of all that a message has besides `children`.
    pub fn put_all(
        &mut self,
        level: usize,
        i: usize,
        node: &Node,
        children: &[Node],
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let ends = children.iter().map(|child| child.tag).chain([node.end]);
        let starts = [node.body].into_iter().chain(children.iter().map(|child| child.end));
        let mut gaps = starts.zip(ends).map(|(start, end)| start as usize..end as usize);
        self.put(level, i, gaps.next().unwrap_or_default(), write);
        for gap in gaps.filter(|gap| !gap.is_empty()) {
            self.put(level, i, gap, |_| ());
        }
    }

    pub fn get(&self, level: usize, at: usize) -> Option<&Splice> {
        self.levels.get(level)?.get(at)
    }

    pub fn new_bytes(&self, splice: &Splice) -> &[u8] {
        &self.bytes[splice.new.clone()]
    }
}
