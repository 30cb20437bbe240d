//! A request cut into many: each part is written from its own items and their parents alone, so that
//! all parts together cost one pass, however many there are.

use std::ops::Range;

use crate::edit::own_fields;
use crate::index::{Index, Node};
use crate::payload::Payload;
use crate::pool;
use crate::select::DATA;
use crate::wire::{LEN, varint_len, write_tag, write_varint};

/// What every message of a request says besides the messages of the next level.
pub struct Parts<'a> {
    payload: &'a Payload,
    bytes: Vec<u8>,
    /// Places in `bytes`: of the request, then by level and message, down to those around the items.
    own: Vec<Vec<Range<usize>>>,
}

impl<'a> Parts<'a> {
    pub fn new(payload: &'a Payload) -> Self {
        let levels = &payload.index().levels;
        let whole = Node { tag: 0, body: 0, end: payload.bytes().len() as u32, parent: 0 };
        let mut parts = Self { payload, bytes: Vec::new(), own: Vec::with_capacity(levels.len()) };
        let mut parents = &[whole][..];
        for children in levels {
            parts.note(parents, children);
            parents = children;
        }
        parts
    }

    fn note(&mut self, parents: &[Node], mut children: &[Node]) {
        let mut own = Vec::with_capacity(parents.len());
        for node in parents {
            let (mine, rest) =
                children.split_at(children.partition_point(|child| child.tag < node.end));
            children = rest;
            let start = self.bytes.len();
            self.bytes.extend_from_slice(&own_fields(self.payload.bytes(), node, mine));
            own.push(start..self.bytes.len());
        }
        self.own.push(own);
    }

    /// The request with these items only, whose positions are in order.
    pub fn part(&self, items: Vec<u32>) -> Payload {
        let kept = self.around(items);
        let lengths = self.lengths(&kept);
        let len =
            self.own[0][0].len() + lengths[0].iter().map(|body| field_len(*body)).sum::<usize>();
        let mut writer = Writer {
            parts: self,
            kept: &kept,
            lengths: &lengths,
            next: vec![0; kept.len()],
            out: pool::take(len),
            index: kept.iter().map(|kept| Vec::with_capacity(kept.len())).collect(),
        };
        writer.children(0, 0, 0);
        debug_assert_eq!(writer.out.len(), len);
        let index = Index { levels: writer.index };
        Payload::new(self.payload.signal, writer.out, index)
    }

    fn nodes(&self, level: usize) -> &[Node] {
        &self.payload.index().levels[level]
    }

    /// By level, the messages that the items are in, and the items.
    fn around(&self, items: Vec<u32>) -> Vec<Vec<u32>> {
        let mut kept = vec![items];
        for level in (1..self.payload.index().levels.len()).rev() {
            let below = &kept[kept.len() - 1];
            let mut above: Vec<u32> =
                below.iter().map(|i| self.nodes(level)[*i as usize].parent).collect();
            above.dedup();
            kept.push(above);
        }
        kept.reverse();
        if kept.len() > DATA {
            kept[DATA] = self.pieces(&kept[DATA - 1]);
        }
        kept
    }

    /// All pieces of the metrics' data, those without a point too, for what else they say.
    fn pieces(&self, metrics: &[u32]) -> Vec<u32> {
        let pieces = self.nodes(DATA);
        let of = |metric: &u32| {
            let first = pieces.partition_point(|piece| piece.parent < *metric);
            let end = pieces.partition_point(|piece| piece.parent <= *metric);
            first as u32..end as u32
        };
        metrics.iter().flat_map(of).collect()
    }

    /// By level, the length of the body of each message that is kept.
    fn lengths(&self, kept: &[Vec<u32>]) -> Vec<Vec<usize>> {
        let items = kept.len() - 1;
        let body = |i: &u32| self.nodes(items)[*i as usize].body(self.payload.bytes()).len();
        let mut lengths = vec![kept[items].iter().map(body).collect::<Vec<_>>()];
        for level in (0..items).rev() {
            let below = &lengths[lengths.len() - 1];
            let mut children = kept[level + 1].iter().zip(below).peekable();
            let nodes = self.nodes(level + 1);
            let of = kept[level].iter().map(|i| {
                let mut len = self.own[level + 1][*i as usize].len();
                while let Some((_, body)) =
                    children.next_if(|(child, _)| nodes[**child as usize].parent == *i)
                {
                    len += field_len(*body);
                }
                len
            });
            lengths.push(of.collect());
        }
        lengths.reverse();
        lengths
    }
}

/// Length of a field with its tag, which is one byte for every field on the way down to the items.
fn field_len(body: usize) -> usize {
    1 + varint_len(body as u64) + body
}

struct Writer<'a> {
    parts: &'a Parts<'a>,
    kept: &'a [Vec<u32>],
    lengths: &'a [Vec<usize>],
    /// Of each level the first message, of those kept, that is not written.
    next: Vec<usize>,
    out: Vec<u8>,
    index: Vec<Vec<Node>>,
}

impl Writer<'_> {
    /// Write what a message says of itself, and then its children of `level`.
    fn children(&mut self, level: usize, parent: u32, new_parent: u32) {
        let Some(kept) = self.kept.get(level) else { return };
        let own = self.parts.own[level][parent as usize].clone();
        self.out.extend_from_slice(&self.parts.bytes[own]);
        let nodes = self.parts.nodes(level);
        while let Some(i) = kept.get(self.next[level]) {
            let node = &nodes[*i as usize];
            if level > 0 && node.parent != parent {
                break;
            }
            let body_len = self.lengths[level][self.next[level]];
            self.next[level] += 1;
            let tag = self.out.len() as u32;
            write_tag(&mut self.out, node.number(self.parts.payload.bytes()), LEN);
            write_varint(&mut self.out, body_len as u64);
            let body = self.out.len() as u32;
            let end = body + body_len as u32;
            self.index[level].push(Node { tag, body, end, parent: new_parent });
            if level + 1 == self.kept.len() {
                self.out.extend_from_slice(node.body(self.parts.payload.bytes()));
            } else {
                self.children(level + 1, *i, self.index[level].len() as u32 - 1);
            }
        }
    }
}
