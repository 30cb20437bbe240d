//! A place in a text, from which one thing after the other is read.

use std::borrow::Cow;

use super::numbers::{float, millis, seconds};
use super::table::NO_TIME;
use crate::wire::{Malformed, Result, malformed};

pub struct Cursor<'a> {
    pub body: &'a [u8],
    pub at: usize,
    /// Whether it is `OpenMetrics`.
    pub strict: bool,
}

fn is_name(byte: u8, first: bool) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || (byte.is_ascii_digit() && !first)
}

impl<'a> Cursor<'a> {
    pub fn fault<T>(&self, reason: &'static str) -> Result<T> {
        malformed(self.at, reason)
    }

    pub fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    pub fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub fn take_word(&mut self, word: &[u8]) -> bool {
        let found = self.body[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    pub fn take_while(&mut self, test: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.body[self.at..];
        let len = rest.iter().position(|byte| !test(*byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    pub fn skip_blanks(&mut self) {
        self.take_while(|byte| byte == b' ' || byte == b'\t');
    }

    /// What separates two things: as many blanks as there are, or one space.
    pub fn gap(&mut self) -> Result<()> {
        if self.strict && !self.take(b' ') {
            return self.fault("expected a space");
        }
        if !self.strict {
            self.skip_blanks();
        }
        Ok(())
    }

    pub fn end_of_line(&mut self) -> Result<()> {
        if !self.strict {
            self.skip_blanks();
        }
        if self.take(b'\n') || (self.at == self.body.len() && !self.strict) {
            return Ok(());
        }
        self.fault("expected the end of the line")
    }

    /// The name of a metric, plain or, in a comment, in quotes.
    pub fn metric_name(&mut self) -> Result<Option<Cow<'a, str>>> {
        if self.peek() == Some(b'"') {
            return self.quoted().map(Some);
        }
        let start = self.at;
        if self.peek().is_some_and(|byte| is_name(byte, true) || byte == b':') {
            self.take_while(|byte| is_name(byte, false) || byte == b':');
        }
        let name = str::from_utf8(&self.body[start..self.at]).unwrap_or_default();
        Ok((!name.is_empty()).then_some(Cow::Borrowed(name)))
    }

    /// A text in quotes.
    pub fn quoted(&mut self) -> Result<Cow<'a, str>> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            self.take_while(|byte| byte != b'"' && byte != b'\\' && byte != b'\n');
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) if !self.strict => self.at += 1,
                _ => return malformed(start, "a text in quotes has no end"),
            }
            if self.at > self.body.len() {
                return malformed(start, "a text in quotes has no end");
            }
        }
        let Ok(text) = str::from_utf8(&self.body[start + 1..self.at]) else {
            return malformed(start, "a text is not valid UTF-8");
        };
        self.at += 1;
        Ok(if escaped { unescaped(text, true) } else { Cow::Borrowed(text) })
    }

    pub fn skip_inside(&mut self) {
        if !self.strict {
            self.skip_blanks();
        }
    }

    pub fn label_name(&mut self) -> Result<Cow<'a, str>> {
        let start = self.at;
        let name = if self.peek() == Some(b'"') {
            self.quoted()?
        } else {
            if self.peek().is_some_and(|byte| is_name(byte, true)) {
                self.take_while(|byte| is_name(byte, false));
            }
            str::from_utf8(&self.body[start..self.at]).unwrap_or_default().into()
        };
        if name.is_empty() { malformed(start, "expected a label's name") } else { Ok(name) }
    }

    pub fn word(&mut self) -> &'a [u8] {
        self.take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n'))
    }

    /// Labels up to the closing brace. A text in quotes alone is given without a value: it is the
    /// name of the metric, which may be refused.
    pub fn labels(
        &mut self,
        mut give: impl FnMut(Cow<'a, str>, Option<Cow<'a, str>>) -> bool,
    ) -> Result<()> {
        loop {
            self.skip_inside();
            if self.take(b'}') {
                return Ok(());
            }
            let start = self.at;
            let quoted = self.peek() == Some(b'"');
            let name = self.label_name()?;
            self.skip_inside();
            let mut value = None;
            if self.take(b'=') {
                self.skip_inside();
                if self.peek() != Some(b'"') {
                    return self.fault("expected a value in quotes");
                }
                value = Some(self.quoted()?);
            } else if !quoted {
                return self.fault("expected =");
            }
            if !give(name, value) {
                return malformed(start, "a sample has two names");
            }
            self.skip_inside();
            if !self.take(b',') && self.peek() != Some(b'}') {
                return self.fault("expected , or }");
            }
        }
    }

    pub fn number(&mut self, reason: &'static str) -> Result<f64> {
        let start = self.at;
        float(self.word()).ok_or(Malformed { offset: start, reason })
    }

    /// The time of a sample, if there is one.
    pub fn time(&mut self) -> Result<i64> {
        let before = self.at;
        if self.strict {
            self.take(b' ');
        } else {
            self.skip_blanks();
        }
        if matches!(self.peek(), None | Some(b'\n' | b'#')) {
            self.at = before;
            return Ok(NO_TIME);
        }
        let start = self.at;
        let word = self.word();
        let time = if self.strict { float(word).and_then(seconds) } else { millis(word) };
        time.ok_or(Malformed { offset: start, reason: "expected a time after the value" })
    }
}

/// A text with its escapes resolved; those that there are not stay.
pub fn unescaped(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('\\') | None => out.push('\\'),
            Some('"') if quotes => out.push('"'),
            Some(other) => out.extend(['\\', other]),
        }
    }
    Cow::Owned(out)
}
