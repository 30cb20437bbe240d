//! Where everything is in a request: resources, scopes, (metrics and their data) and items.

use crate::check::Checker;
use crate::schema::{Kind, Message, Signal};
use crate::wire::{self, LEN, Result, malformed};

/// A message inside a request: `bytes[tag..end]` is the field, `bytes[body..end]` the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub tag: u32,
    pub body: u32,
    pub end: u32,
    /// Position of the message around it among those of its level; 0 at the outermost level.
    pub parent: u32,
}

impl Node {
    /// The same message so many bytes later, with so many more parents before its own.
    fn moved(self, offset: u32, parents: u32) -> Self {
        Self {
            tag: self.tag + offset,
            body: self.body + offset,
            end: self.end + offset,
            parent: self.parent + parents,
        }
    }

    /// The number of the field.
    pub fn number(&self, bytes: &[u8]) -> u32 {
        let (mut pos, end) = (self.tag as usize, self.body as usize);
        wire::tag(bytes, &mut pos, end).map_or(0, |(number, _)| number)
    }

    pub fn body<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.body as usize..self.end as usize]
    }
}

/// The messages of each level of `Signal::levels`, in the order of the bytes. The last are the items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub levels: Vec<Vec<Node>>,
}

impl Index {
    pub fn items(&self) -> &[Node] {
        self.levels.last().map_or(&[], Vec::as_slice)
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        self.levels.iter().map(|nodes| nodes.capacity() * size_of::<Node>()).sum()
    }

    /// Add the messages of a request that comes after this one, at that offset.
    pub fn append(&mut self, other: &Self, offset: usize) {
        let mut parents = 0;
        for (mine, theirs) in self.levels.iter_mut().zip(&other.levels) {
            let before = mine.len();
            mine.extend(theirs.iter().map(|node| node.moved(offset as u32, parents)));
            parents = before as u32;
        }
    }

    /// Check a whole request and index it.
    pub fn build(signal: &'static Signal, bytes: &[u8]) -> Result<Self> {
        if u32::try_from(bytes.len()).is_err() {
            return malformed(0, "a request is over 4 GiB");
        }
        let mut builder = Builder {
            signal,
            bytes,
            checker: Checker::default(),
            levels: vec![Vec::new(); signal.levels.len()],
        };
        builder.walk(signal.request, 0, 0, bytes.len())?;
        Ok(Self { levels: builder.levels })
    }
}

struct Builder<'a> {
    signal: &'static Signal,
    bytes: &'a [u8],
    checker: Checker,
    levels: Vec<Vec<Node>>,
}

impl Builder<'_> {
    /// Walk the body of a message whose children are of `level`. Recurses once a level, of which
    /// there are at most five.
    fn walk(
        &mut self,
        message: &'static Message,
        level: usize,
        mut pos: usize,
        end: usize,
    ) -> Result<()> {
        let children = self.signal.levels[level];
        let parent = level.checked_sub(1).map_or(0, |above| self.levels[above].len() as u32 - 1);
        let before: Vec<usize> = match children {
            [_] => Vec::new(),
            _ => self.levels.iter().map(Vec::len).collect(),
        };
        let mut chosen = None;
        while pos < end {
            let at = pos;
            let (number, wire_type) = wire::tag(self.bytes, &mut pos, end)?;
            if wire_type == LEN {
                let body_end = wire::length(self.bytes, &mut pos, end)?;
                let kind = message.field(number).map(|field| field.kind);
                match kind {
                    Some(Kind::Message(inner)) if children.contains(&number) => {
                        if chosen.replace(number).is_some_and(|previous| previous != number) {
                            self.forget(level, &before);
                        }
                        let node =
                            Node { tag: at as u32, body: pos as u32, end: body_end as u32, parent };
                        self.levels[level].push(node);
                        if level + 1 < self.levels.len() {
                            self.walk(inner, level + 1, pos, body_end)?;
                        } else {
                            self.checker.check(self.bytes, pos, body_end, inner, level + 1)?;
                        }
                    }
                    Some(Kind::Message(inner)) => {
                        self.checker.check(self.bytes, pos, body_end, inner, level + 1)?;
                    }
                    Some(Kind::String) if !wire::is_utf8(&self.bytes[pos..body_end]) => {
                        return malformed(pos, "a string is not valid UTF-8");
                    }
                    _ => {}
                }
                pos = body_end;
            } else if wire_type == wire::START_GROUP {
                wire::skip_group(self.bytes, &mut pos, end, number, level)?;
            } else {
                wire::skip_scalar(self.bytes, &mut pos, end, wire_type)?;
            }
        }
        Ok(())
    }

    /// A `oneof` has been set again by another member, which clears the one before.
    fn forget(&mut self, level: usize, before: &[usize]) {
        for (nodes, len) in self.levels.iter_mut().zip(before).skip(level) {
            nodes.truncate(*len);
        }
    }
}
