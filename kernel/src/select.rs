//! A request written anew: without some of its items, or with other fields in some messages. What
//! stays is copied as it was, lengths are put right, empty parents vanish.

use std::ops::Range;

use crate::index::{Index, Node};
use crate::payload::Payload;
use crate::pool;
use crate::wire::{varint_len, write_varint};

/// The level of a metric's data, which lies in the metric and around its points.
pub const DATA: usize = 3;

/// The items of `payload` where `keep` is true. Parents that end up without an item vanish.
pub fn select(payload: &Payload, keep: &[bool]) -> Payload {
    let alive = alive(&payload.index().levels, keep);
    rewrite(payload, alive, &OwnFields::default())
}

/// `payload` with other fields in the messages that `own` names.
pub fn replace(payload: &Payload, own: &OwnFields) -> Payload {
    let alive = payload.index().levels.iter().map(|l| vec![true; l.len()]).collect();
    rewrite(payload, alive, own)
}

/// New fields of messages: all that they have besides the messages of the next level.
#[derive(Default)]
pub struct OwnFields {
    bytes: Vec<u8>,
    /// By level and message; levels without any are empty.
    places: Vec<Vec<Option<Range<usize>>>>,
}

impl OwnFields {
    /// For as many messages of each level as `index` has.
    pub fn of(index: &Index) -> Self {
        Self {
            bytes: Vec::new(),
            places: index.levels.iter().map(|l| vec![None; l.len()]).collect(),
        }
    }

    /// Give a message what `write` appends.
    pub fn set(&mut self, level: usize, i: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.places[level][i] = Some(start..self.bytes.len());
    }

    fn get(&self, level: usize, i: usize) -> Option<&[u8]> {
        let place = self.places.get(level)?[i].clone()?;
        Some(&self.bytes[place])
    }
}

fn rewrite(payload: &Payload, alive: Vec<Vec<bool>>, own: &OwnFields) -> Payload {
    let plan = Plan::new(payload.index(), alive, own);
    let mut writer = Writer {
        bytes: payload.bytes(),
        levels: &payload.index().levels,
        plan: &plan,
        own,
        next: vec![0; plan.alive.len()],
        out: pool::take(payload.bytes().len() + own.bytes.len()),
        index: plan.alive.iter().map(|_| Vec::new()).collect(),
    };
    writer.children(0, 0, 0, payload.bytes().len());
    if writer.out.len() < writer.out.capacity() / 2 {
        pool::resize(&mut writer.out, 0);
    }
    let index = Index { levels: writer.index };
    Payload::new(payload.signal, writer.out, index)
}

/// What becomes of each message: whether it stays, and how long its body will be.
struct Plan {
    alive: Vec<Vec<bool>>,
    new_len: Vec<Vec<usize>>,
}

impl Plan {
    fn new(index: &Index, alive: Vec<Vec<bool>>, own: &OwnFields) -> Self {
        let levels = &index.levels;
        let mut new_len = lengths(levels, own);
        for level in (1..levels.len()).rev() {
            for (i, node) in levels[level].iter().enumerate() {
                let now = if alive[level][i] { field_len(node, new_len[level][i]) } else { 0 };
                let parent = &mut new_len[level - 1][node.parent as usize];
                *parent = *parent + now - (node.end - node.tag) as usize;
            }
        }
        Self { alive, new_len }
    }

    /// The level of the items.
    fn items(&self) -> usize {
        self.alive.len() - 1
    }
}

/// Which messages stay with the items where `keep` is true: those around them.
fn alive(levels: &[Vec<Node>], keep: &[bool]) -> Vec<Vec<bool>> {
    let items = levels.len() - 1;
    let mut alive: Vec<Vec<bool>> = levels.iter().map(|l| vec![false; l.len()]).collect();
    alive[items].copy_from_slice(keep);
    for level in (0..items).rev() {
        let (above, below) = alive.split_at_mut(level + 1);
        for (child, _) in levels[level + 1].iter().zip(&below[0]).filter(|(_, alive)| **alive) {
            above[level][child.parent as usize] = true;
        }
    }
    keep_whole_oneofs(levels, &mut alive);
    alive
}

/// The length of each body when its own fields are replaced, and nothing below it.
fn lengths(levels: &[Vec<Node>], own: &OwnFields) -> Vec<Vec<usize>> {
    let mut lengths: Vec<Vec<usize>> =
        levels.iter().map(|l| l.iter().map(body_len).collect()).collect();
    for (level, replaced) in own.places.iter().enumerate() {
        for (i, place) in replaced.iter().enumerate() {
            lengths[level][i] = place.as_ref().map_or(lengths[level][i], Range::len);
        }
        for child in levels.get(level + 1).into_iter().flatten() {
            let parent = child.parent as usize;
            if replaced[parent].is_some() {
                lengths[level][parent] += (child.end - child.tag) as usize;
            }
        }
    }
    lengths
}

/// A metric's data may come in several pieces that merge into one message; as long as the metric
/// has points, the pieces stay, for what else they say (temporality, monotonicity).
fn keep_whole_oneofs(levels: &[Vec<Node>], alive: &mut [Vec<bool>]) {
    if levels.len() > DATA {
        let (above, below) = alive.split_at_mut(DATA);
        for (node, alive) in levels[DATA].iter().zip(&mut below[0]) {
            *alive = above[DATA - 1][node.parent as usize];
        }
    }
}

fn body_len(node: &Node) -> usize {
    (node.end - node.body) as usize
}

/// Length of a field with its tag when its body has this length.
fn field_len(node: &Node, body: usize) -> usize {
    if body == body_len(node) {
        return (node.end - node.tag) as usize;
    }
    TAG + varint_len(body as u64) + body
}

/// Every field on the way down to the items has a number below 16, so its tag is one byte; an
/// overlong encoding of it on the wire is not kept where the length beside it changes.
const TAG: usize = 1;

struct Writer<'a> {
    bytes: &'a [u8],
    levels: &'a [Vec<Node>],
    plan: &'a Plan,
    own: &'a OwnFields,
    /// The first node of each level that has not been written or passed over.
    next: Vec<usize>,
    out: Vec<u8>,
    index: Vec<Vec<Node>>,
}

impl Writer<'_> {
    /// Write a body, `bytes[pos..end]`, whose children of `level` belong to `parent`.
    fn children(&mut self, level: usize, parent: u32, mut pos: usize, end: usize) {
        let own = level.checked_sub(1).and_then(|above| self.own.get(above, parent as usize));
        self.out.extend_from_slice(own.unwrap_or_default());
        let replaced = own.is_some();
        let new_parent = level.checked_sub(1).map_or(0, |above| self.index[above].len() as u32 - 1);
        while let Some(node) = self.levels.get(level).and_then(|l| l.get(self.next[level])) {
            if level > 0 && node.parent != parent {
                break;
            }
            let i = self.next[level];
            self.next[level] += 1;
            let alive = self.plan.alive[level][i];
            let copied = alive && level == self.plan.items() && self.own.get(level, i).is_none();
            if copied && !replaced {
                // Copied later, in one piece with what stays before and after it.
                self.shift(level, node, pos, new_parent);
                continue;
            }
            if !replaced {
                self.out.extend_from_slice(&self.bytes[pos..node.tag as usize]);
            }
            pos = node.end as usize;
            if alive {
                self.rewrite(level, i, node, new_parent);
            } else {
                self.pass_over(level, node);
            }
        }
        if !replaced {
            self.out.extend_from_slice(&self.bytes[pos..end]);
        }
    }

    fn shift(&mut self, level: usize, node: &Node, pos: usize, parent: u32) {
        let moved = |at: u32| (self.out.len() + at as usize - pos) as u32;
        let node =
            Node { tag: moved(node.tag), body: moved(node.body), end: moved(node.end), parent };
        self.index[level].push(node);
    }

    fn rewrite(&mut self, level: usize, i: usize, node: &Node, parent: u32) {
        let new_len = self.plan.new_len[level][i];
        let tag = self.out.len() as u32;
        if new_len == body_len(node) {
            self.out.extend_from_slice(&self.bytes[node.tag as usize..node.body as usize]);
        } else {
            self.out.push(self.bytes[node.tag as usize] & 0x7f);
            write_varint(&mut self.out, new_len as u64);
        }
        let body = self.out.len() as u32;
        self.index[level].push(Node { tag, body, end: body + new_len as u32, parent });
        self.children(level + 1, i as u32, node.body as usize, node.end as usize);
        debug_assert_eq!(self.out.len() as u32, body + new_len as u32);
    }

    fn pass_over(&mut self, level: usize, node: &Node) {
        for below in level + 1..self.levels.len() {
            let left = &self.levels[below][self.next[below]..];
            self.next[below] += left.iter().take_while(|inner| inner.tag < node.end).count();
        }
    }
}
