//! A request written anew: without some of its items, or with other fields in some messages. What
//! stays is copied as it was, lengths are put right, empty parents vanish.

use crate::index::{Index, Node};
use crate::payload::Payload;
use crate::pool;
use crate::splices::Splices;
use crate::wire::{varint_len, write_varint};

/// The level of a metric's data, which lies in the metric and around its points.
pub const DATA: usize = 3;

/// The items of `payload` where `keep` is true. Parents that end up without an item vanish.
pub fn select(payload: &Payload, keep: &[bool]) -> Payload {
    let alive = alive(&payload.index().levels, keep);
    rewrite(payload, alive, &Splices::default())
}

/// `payload` with other bytes where `splices` say so.
pub fn replace(payload: &Payload, splices: &Splices) -> Payload {
    let alive = payload.index().levels.iter().map(|l| vec![true; l.len()]).collect();
    rewrite(payload, alive, splices)
}

/// The items of `payload` where `keep` is true, with other bytes where `splices` say so.
pub fn rewrite_some(payload: &Payload, keep: &[bool], splices: &Splices) -> Payload {
    rewrite(payload, alive(&payload.index().levels, keep), splices)
}

fn rewrite(payload: &Payload, alive: Vec<Vec<bool>>, splices: &Splices) -> Payload {
    let plan = Plan::new(payload, alive, splices);
    let mut writer = Writer {
        bytes: payload.bytes(),
        levels: &payload.index().levels,
        plan: &plan,
        splices,
        next: vec![0; plan.alive.len()],
        next_splice: vec![0; plan.alive.len()],
        out: pool::take(plan.len),
        index: plan.alive.iter().map(|level| Vec::with_capacity(level.len())).collect(),
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
    /// Of all of the request.
    len: usize,
}

impl Plan {
    fn new(payload: &Payload, alive: Vec<Vec<bool>>, splices: &Splices) -> Self {
        let levels = &payload.index().levels;
        let mut new_len = lengths(levels, splices);
        let mut len = payload.bytes().len();
        for level in (0..levels.len()).rev() {
            let (above, below) = new_len.split_at_mut(level);
            for ((node, alive), body) in levels[level].iter().zip(&alive[level]).zip(&below[0]) {
                let now = if *alive { field_len(node, *body) } else { 0 };
                let parent = above.last_mut().map(|above| &mut above[node.parent as usize]);
                let parent = parent.unwrap_or(&mut len);
                *parent = *parent + now - (node.end - node.tag) as usize;
            }
        }
        Self { alive, new_len, len }
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

/// The length of each body after the splices, if nothing else changes below it.
fn lengths(levels: &[Vec<Node>], splices: &Splices) -> Vec<Vec<usize>> {
    let mut lengths: Vec<Vec<usize>> =
        levels.iter().map(|l| l.iter().map(body_len).collect()).collect();
    for (lengths, splices) in lengths.iter_mut().zip(&splices.levels) {
        for splice in splices {
            let len = &mut lengths[splice.node as usize];
            *len = *len + splice.new.len() - splice.old.len();
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

/// Append bytes, in pieces: where the C library copies many at once, it has some processors do it byte
/// by byte if the two places lie a little apart in their pages, and a shift by an edit is just that.
fn copy(out: &mut Vec<u8>, bytes: &[u8]) {
    const PIECE: usize = 2048;
    bytes.chunks(PIECE).for_each(|piece| out.extend_from_slice(piece));
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
    splices: &'a Splices,
    /// The first node of each level that has not been written or passed over.
    next: Vec<usize>,
    /// The first splice of each level that has not been made.
    next_splice: Vec<usize>,
    out: Vec<u8>,
    index: Vec<Vec<Node>>,
}

impl Writer<'_> {
    /// Write a body, `bytes[pos..end]`, whose children of `level` belong to `parent`.
    fn children(&mut self, level: usize, parent: u32, mut pos: usize, end: usize) {
        let above = level.checked_sub(1);
        let new_parent = above.map_or(0, |above| self.index[above].len() as u32 - 1);
        while let Some(node) = self.levels.get(level).and_then(|l| l.get(self.next[level])) {
            if level > 0 && node.parent != parent {
                break;
            }
            pos = self.splice(above, parent, pos, node.tag as usize);
            let i = self.next[level];
            self.next[level] += 1;
            let alive = self.plan.alive[level][i];
            if alive && level == self.plan.items() && !self.is_spliced(level, i as u32) {
                // Copied later, in one piece with what stays before and after it.
                self.shift(level, node, pos, new_parent);
                continue;
            }
            copy(&mut self.out, &self.bytes[pos..node.tag as usize]);
            pos = node.end as usize;
            if alive {
                self.rewrite(level, i, node, new_parent);
            } else {
                self.pass_over(level, node);
            }
        }
        pos = self.splice(above, parent, pos, end);
        copy(&mut self.out, &self.bytes[pos..end]);
    }

    fn is_spliced(&self, level: usize, i: u32) -> bool {
        self.splices.get(level, self.next_splice[level]).is_some_and(|splice| splice.node == i)
    }

    /// Write what a message has of its own from `pos`, as far as splices before `end` go, and return
    /// how far that is.
    fn splice(&mut self, level: Option<usize>, node: u32, mut pos: usize, end: usize) -> usize {
        let Some(level) = level else { return pos };
        while let Some(splice) = self.splices.get(level, self.next_splice[level]) {
            if splice.node != node || splice.old.end > end {
                break;
            }
            copy(&mut self.out, &self.bytes[pos..splice.old.start]);
            self.out.extend_from_slice(self.splices.new_bytes(splice));
            pos = splice.old.end;
            self.next_splice[level] += 1;
        }
        pos
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
