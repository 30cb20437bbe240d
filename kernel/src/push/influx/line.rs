//! One line after the other: a measurement, tags, fields and a time.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memrchr};

use super::value::Value;
use crate::wire::{Malformed, Result, is_utf8, malformed};

type Text<'a> = Cow<'a, [u8]>;

/// What a line says.
#[derive(Debug, Default, PartialEq)]
pub struct Line<'a> {
    pub measurement: Text<'a>,
    pub tags: Vec<(Text<'a>, Text<'a>)>,
    pub fields: Vec<(Text<'a>, Value<'a>)>,
    /// In units of the request's precision.
    pub time: Option<i64>,
    /// Where it begins in its body.
    pub offset: usize,
}

/// Lines that are still to be read.
pub struct Lines<'a> {
    body: &'a [u8],
    at: usize,
    /// Of the next line, from 1.
    pub number: usize,
}

impl<'a> Lines<'a> {
    pub fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, number: 1 }
    }

    /// Read the next line into `line`; its number, or its fault. `None` at the end.
    pub fn next(&mut self, line: &mut Line<'a>) -> Option<(usize, Result<()>)> {
        self.skip_to_line();
        self.peek()?;
        let (start, number) = (self.at, self.number);
        let found = self.line(line).and_then(|()| match &self.body[start..self.at] {
            bytes if is_utf8(bytes) => Ok(()),
            _ => malformed(start, "a line is not valid UTF-8"),
        });
        if found.is_err() {
            self.skip_line();
        }
        self.number += memchr_iter(b'\n', &self.body[start..self.at]).count();
        Some((number, found))
    }

    /// The line that begins where a fault was found, as far as it is worth showing.
    pub fn shown(&self, fault: &Malformed) -> Cow<'a, str> {
        const SHOWN: usize = 64;
        let before = &self.body[..fault.offset.min(self.body.len())];
        let start = memrchr(b'\n', before).map_or(0, |end| end + 1);
        let rest = &self.body[start..];
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        String::from_utf8_lossy(&rest[..end.min(SHOWN)])
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Whether what is next ends the line.
    fn is_end(&self) -> bool {
        matches!(self.body[self.at..], [] | [b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..])
    }

    fn skip_to_line(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => self.number += 1,
                b' ' | b'\t' | b'\r' => {}
                b'#' => {
                    self.skip_line();
                    continue;
                }
                _ => return,
            }
            self.at += 1;
        }
    }

    /// Go to the end of the line.
    fn skip_line(&mut self) {
        let rest = &self.body[self.at..];
        self.at += memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn skip_spaces(&mut self) {
        while self.take(b' ') {}
    }

    fn line(&mut self, line: &mut Line<'a>) -> Result<()> {
        line.offset = self.at;
        line.tags.clear();
        line.fields.clear();
        line.measurement = self.name(b", ", "missing measurement")?;
        while self.take(b',') {
            let tag = self.tag()?;
            if line.tags.iter().any(|(key, _)| *key == tag.0) {
                return malformed(self.at, "a tag occurs twice");
            }
            line.tags.push(tag);
        }
        if !self.take(b' ') {
            return malformed(self.at, "missing fields");
        }
        self.skip_spaces();
        loop {
            line.fields.push(self.field()?);
            if !self.take(b',') {
                break;
            }
        }
        line.time = self.time()?;
        Ok(())
    }

    fn tag(&mut self) -> Result<(Text<'a>, Text<'a>)> {
        let key = self.name(b"=, ", "missing tag key")?;
        if !self.take(b'=') {
            return malformed(self.at, "missing tag value");
        }
        Ok((key, self.name(b", =", "missing tag value")?))
    }

    fn field(&mut self) -> Result<(Text<'a>, Value<'a>)> {
        let key = self.name(b"=, ", "missing field key")?;
        if !self.take(b'=') {
            return malformed(self.at, "missing field value");
        }
        if self.peek() == Some(b'"') {
            return Ok((key, Value::Text(self.quoted()?)));
        }
        let start = self.at;
        while !self.is_end() && !matches!(self.peek(), Some(b',' | b' ')) {
            self.at += 1;
        }
        match Value::read(&self.body[start..self.at]) {
            Some(value) => Ok((key, value)),
            None => malformed(start, "invalid field value"),
        }
    }

    fn time(&mut self) -> Result<Option<i64>> {
        self.skip_spaces();
        let start = self.at;
        while self.peek().is_some_and(|byte| byte == b'-' || byte.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = str::from_utf8(&self.body[start..self.at]).unwrap_or_default();
        self.skip_spaces();
        if !self.is_end() {
            return malformed(self.at, "invalid timestamp");
        }
        if digits.is_empty() {
            return Ok(None);
        }
        digits.parse().map(Some).or_else(|_| malformed(start, "invalid timestamp"))
    }

    /// A text up to one of `stops`, which a backslash makes a part of it; never an empty one.
    fn name(&mut self, stops: &[u8], missing: &'static str) -> Result<Text<'a>> {
        let start = self.at;
        let mut escaped = false;
        while !self.is_end() {
            let byte = self.body[self.at];
            if stops.contains(&byte) {
                break;
            }
            let next = self.body.get(self.at + 1);
            let pair = byte == b'\\' && next.is_some_and(|next| ESCAPED.contains(next));
            escaped |= pair;
            self.at += if pair { 2 } else { 1 };
        }
        if self.at == start {
            return malformed(start, missing);
        }
        let text = &self.body[start..self.at];
        Ok(if escaped { unescaped(text, ESCAPED) } else { Cow::Borrowed(text) })
    }

    /// A text in quotes, which may have line breaks in it.
    fn quoted(&mut self) -> Result<Text<'a>> {
        let start = self.at;
        let mut at = start + 1;
        let mut escaped = false;
        loop {
            match self.body[at..] {
                [b'"', ..] => break,
                [b'\\', b'"' | b'\\', ..] => {
                    escaped = true;
                    at += 2;
                }
                [_, ..] => at += 1,
                [] => return malformed(start, "unbalanced quotes"),
            }
        }
        self.at = at + 1;
        let text = &self.body[start + 1..at];
        Ok(if escaped { unescaped(text, b"\"\\") } else { Cow::Borrowed(text) })
    }
}

/// What a backslash can stand before in names.
const ESCAPED: &[u8] = b", =";

fn unescaped(text: &[u8], escaped: &[u8]) -> Text<'static> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let skips = *byte == b'\\' && tail.first().is_some_and(|next| escaped.contains(next));
        rest = if skips { tail } else { rest };
        out.push(rest[0]);
        rest = &rest[1..];
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines, Value};

    /// What is read of a body: measurements and fields, or reasons.
    fn read(body: &str) -> Vec<String> {
        let (mut lines, mut line) = (Lines::new(body.as_bytes()), Line::default());
        let mut found = Vec::new();
        while let Some((number, result)) = lines.next(&mut line) {
            let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
            if let Err(fault) = result {
                found.push(format!("{number}: {}", fault.reason));
                continue;
            }
            let tags = line.tags.iter().map(|(k, v)| format!(",{}={}", text(k), text(v)));
            let fields = line.fields.iter().map(|(k, v)| format!(" {}={v:?}", text(k)));
            let all = tags.chain(fields).collect::<String>();
            let (name, time) = (text(&line.measurement), line.time.unwrap_or(-1));
            found.push(format!("{number}: {name}{all} {time}"));
        }
        found
    }

    #[test]
    fn a_line_has_tags_fields_of_every_type_and_a_time() {
        let body = "cpu,host=a,zone=b\\ c f=1.5,i=-2i,u=3u,t=true,n=F 1700\r\nmem free=1e3";
        let expected = [
            "1: cpu,host=a,zone=b c f=Float(1.5) i=Integer(-2) u=Unsigned(3) t=Boolean(true) n=Boolean(false) 1700",
            "2: mem free=Float(1000.0) -1",
        ];
        assert_eq!(read(body), expected);
    }

    #[test]
    fn escapes_are_those_of_the_place() {
        assert_eq!(read("a\\,b\\ c\\=,k\\=1=\\v f=1"), ["1: a,b c=,k=1=\\v f=Float(1.0) -1"]);
        let mut line = Line::default();
        let body = br#"m s="a \"b\" \\ \c
d" 5"#;
        assert!(Lines::new(body).next(&mut line).unwrap().1.is_ok());
        let text = Value::Text(b"a \"b\" \\ \\c\nd".as_slice().into());
        assert_eq!((&line.fields[0].1, line.time), (&text, Some(5)));
    }

    #[test]
    fn a_bad_line_is_a_fault_and_the_next_is_read() {
        let body = "# about\n\nok f=1\nno\nno f\nno f=x\nno f=1 x\n,a=b f=1\nno,a f=1\nno,a=b,a=b f=1\n\
                    no f=nan\nno f=\"open\nok f=2";
        let faults: Vec<_> = read(body).into_iter().filter(|it| !it.contains("ok")).collect();
        let expected = [
            "4: missing fields",
            "5: missing field value",
            "6: invalid field value",
            "7: invalid timestamp",
            "8: missing measurement",
            "9: missing tag value",
            "10: a tag occurs twice",
            "11: invalid field value",
            "12: unbalanced quotes",
        ];
        assert_eq!(faults, expected);
        assert_eq!(read(body).len(), 11);
    }
}
