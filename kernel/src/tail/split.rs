//! Where entries end.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::encoding::Encoding;

/// Bytes that a compiled pattern may take, and each of its caches.
const MAX_SIZE: usize = 1 << 20;

#[derive(Deserialize)]
pub struct Splitter {
    #[serde(default)]
    boundary: Boundary,
    /// Whether what the pattern matches is left out.
    #[serde(default)]
    omit: bool,
    /// The longest entry; longer ones become several.
    max_log_size: usize,
    #[serde(default)]
    keep_leading: bool,
    #[serde(default)]
    keep_trailing: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    #[default]
    Newline,
    Start(Lines),
    End(Lines),
}

/// A pattern in which `^` and `$` are at lines.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub struct Lines(Regex);

impl TryFrom<String> for Lines {
    type Error = regex::Error;

    fn try_from(pattern: String) -> Result<Self, regex::Error> {
        let mut builder = RegexBuilder::new(&pattern);
        let builder = builder.multi_line(true).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE);
        builder.build().map(Self)
    }
}

impl Lines {
    /// The first match from a place on; one of nothing may not be within a character.
    fn find(&self, data: &[u8], mut from: usize, encoding: Encoding) -> Option<Range<usize>> {
        while from <= data.len() {
            let found = self.0.find_at(data, from)?.range();
            if [found.start, found.end].iter().all(|at| !encoding.is_inside(data, *at)) {
                return Some(found);
            }
            from = found.start + 1;
        }
        None
    }
}

/// An entry's bytes, and where the next one begins.
type Piece = (Range<usize>, usize);

impl Splitter {
    /// The first entry of `data`. With `all` it need not be complete, since nothing is to come.
    pub fn next(&self, data: &[u8], all: bool, encoding: Encoding) -> Option<Piece> {
        // What is too long is cut, and is not searched for more than that.
        let seen = &data[..data.len().min(self.max_log_size + 1)];
        let whole = all && seen.len() == data.len();
        let found = match &self.boundary {
            Boundary::Newline => newline(seen),
            Boundary::Start(lines) => self.start(lines, seen, encoding),
            Boundary::End(lines) => self.end(lines, seen, whole, encoding),
        };
        if let Some((entry, next)) = found
            && entry.len() <= self.max_log_size
        {
            return Some((self.trimmed(data, entry), next));
        }
        if seen.len() > self.max_log_size {
            let end = encoding.cut(data, self.max_log_size);
            return Some((self.trimmed(data, 0..end), end));
        }
        (whole && !data.is_empty()).then(|| (self.last(data), data.len()))
    }

    /// Up to where the second entry starts.
    fn start(&self, lines: &Lines, data: &[u8], encoding: Encoding) -> Option<Piece> {
        let first = lines.find(data, 0, encoding)?;
        if first.start > 0 {
            return Some((0..first.start, first.start));
        }
        let second = lines.find(data, first.end + 1, encoding)?;
        let from = if self.omit { first.end } else { 0 };
        Some((from..second.start, second.start))
    }

    /// What matches up to the end of the data may match more when that has come.
    fn end(&self, lines: &Lines, data: &[u8], all: bool, encoding: Encoding) -> Option<Piece> {
        let found = lines.find(data, 0, encoding).filter(|found| found.end > 0)?;
        let to = if self.omit { found.start } else { found.end };
        (all || found.end < data.len()).then_some((0..to, found.end))
    }

    /// The entry that all of the data is.
    fn last(&self, data: &[u8]) -> Range<usize> {
        let from = match &self.boundary {
            Boundary::Start(lines) if self.omit => {
                lines.0.find(data).filter(|it| it.start() == 0).map_or(0, |it| it.end())
            }
            _ => 0,
        };
        self.trimmed(data, from..data.len())
    }

    fn trimmed(&self, data: &[u8], entry: Range<usize>) -> Range<usize> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let Range { mut start, mut end } = entry;
        if !self.keep_trailing {
            end -= data[start..end].iter().rev().take_while(|byte| blank(byte)).count();
        }
        if !self.keep_leading {
            start += data[start..end].iter().take_while(|byte| blank(byte)).count();
        }
        start..end
    }
}

fn newline(data: &[u8]) -> Option<Piece> {
    let end = memchr::memchr(b'\n', data)?;
    let cut = usize::from(end > 0 && data[end - 1] == b'\r');
    Some((0..end - cut, end + 1))
}
