//! One line of `StatsD`: what it says of a metric, in pieces of its own bytes.

use std::iter;

use memchr::{memchr, memchr2, memmem};

use super::fault::Fault;
use super::number::{Number, double, number, whole};

/// What becomes of a metric's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Counter,
    Gauge,
    Timing,
    Histogram,
    Distribution,
    Set,
}

impl Kind {
    fn of(written: &[u8]) -> Option<Self> {
        Some(match written {
            b"c" => Self::Counter,
            b"g" => Self::Gauge,
            b"ms" => Self::Timing,
            b"h" => Self::Histogram,
            b"d" => Self::Distribution,
            b"s" => Self::Set,
            _ => return None,
        })
    }

    /// The Collector's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Timing => "timing",
            Self::Histogram => "histogram",
            Self::Distribution => "distribution",
            Self::Set => "set",
        }
    }
}

/// A metric with its values, and what else the line says of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line<'a> {
    pub name: &'a [u8],
    /// One or several, between colons.
    pub values: &'a [u8],
    /// The first of them as a number, and the others; but for sets, whose values may be anything.
    first: Number,
    others: &'a [u8],
    pub kind: Kind,
    /// How many were counted for each that was sent: 1 or more.
    pub weight: f64,
    pub about: About<'a>,
    /// When it was, in seconds of Unix.
    pub time: Option<u64>,
}

/// What tells series of one name apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct About<'a> {
    /// `key:value` between commas.
    pub tags: &'a [u8],
    pub container: &'a [u8],
}

/// Read a line, which may hold several measurements of one metric: `a:1|c:2|c`.
pub fn read<'a>(line: &'a [u8], mut take: impl FnMut(Line<'a>)) -> Result<(), Fault> {
    let Some(at) = memchr2(b':', b'|', line).filter(|at| line[*at] == b':') else {
        return Err(Fault::Format);
    };
    let (name, rest) = (&line[..at], &line[at + 1..]);
    if name.is_empty() {
        return Err(Fault::Name);
    }
    let mut rest = Some(rest);
    while let Some(measured) = rest {
        let (line, next) = measurement(name, measured)?;
        take(line);
        rest = next;
    }
    Ok(())
}

/// A measurement, and the next one if there is.
fn measurement<'a>(name: &'a [u8], text: &'a [u8]) -> Result<(Line<'a>, Option<&'a [u8]>), Fault> {
    let bar = memchr(b'|', text).ok_or(Fault::Format)?;
    let values = &text[..bar];
    let (mut section, mut at) = section_at(text, bar + 1);
    let mut next = cut_next(&mut section, text, bar + 1);
    let kind = Kind::of(section).ok_or(Fault::Type)?;
    let (first, others) = if kind == Kind::Set { sets(values)? } else { read_numbers(values)? };
    let about = About::default();
    let mut line = Line { name, values, first, others, kind, weight: 1.0, about, time: None };
    if next.is_some() {
        at = common(text);
    }
    while at < text.len() {
        let start = at;
        (section, at) = section_at(text, start);
        if let Some(mut rate) = section.strip_prefix(b"@") {
            if let Some(another) = cut_next(&mut rate, text, start + 1) {
                next = Some(another);
                at = common(text);
            }
            line.weight = weight(rate)?;
        } else {
            line.say(section)?;
        }
    }
    Ok((line, next))
}

/// The section that begins at a place, and the place of the one after it.
pub fn section_at(text: &[u8], at: usize) -> (&[u8], usize) {
    let rest = &text[at..];
    memchr(b'|', rest).map_or((rest, text.len()), |len| (&rest[..len], at + len + 1))
}

/// Cut off the values that the next measurement begins with, and return all from there on. The
/// section begins at a place of the text.
fn cut_next<'a>(section: &mut &'a [u8], text: &'a [u8], start: usize) -> Option<&'a [u8]> {
    let colon = memchr(b':', section)?;
    *section = &section[..colon];
    Some(&text[start + colon + 1..])
}

/// Where what all measurements of a line share begins: its tags.
fn common(text: &[u8]) -> usize {
    memmem::find(text, b"|#").map_or(text.len(), |at| at + 1)
}

impl<'a> Line<'a> {
    /// Take a section that is not about one value.
    fn say(&mut self, section: &'a [u8]) -> Result<(), Fault> {
        match section {
            [b'#', tags @ ..] => self.about.tags = tags,
            [b'c', b':', container @ ..] => self.about.container = container,
            [b'T', seconds @ ..] => self.time = Some(self.timestamp(seconds)?),
            // Where it ran, and how exactly that is to be told, are for the vendor's agent.
            [b'e', b':', ..] | [] => {}
            _ if section.starts_with(b"card:") => {}
            _ => return Err(Fault::Section),
        }
        Ok(())
    }

    fn timestamp(&self, seconds: &[u8]) -> Result<u64, Fault> {
        let aggregated = matches!(self.kind, Kind::Counter | Kind::Gauge);
        whole(seconds).filter(|_| aggregated).ok_or(Fault::Timestamp)
    }

    /// The numbers of anything but a set.
    pub fn numbers(&self) -> impl Iterator<Item = Number> {
        let others = self.others.split(|byte| *byte == b':');
        iter::once(self.first).chain(others.filter_map(|value| number(value).ok()))
    }
}

/// The first number, and the others once all have been looked at.
fn read_numbers(values: &[u8]) -> Result<(Number, &[u8]), Fault> {
    let Some(at) = memchr(b':', values) else { return Ok((number(values)?, &[])) };
    let others = &values[at + 1..];
    others.split(|byte| *byte == b':').try_for_each(|value| number(value).map(drop))?;
    Ok((number(&values[..at])?, others))
}

fn sets(values: &[u8]) -> Result<(Number, &[u8]), Fault> {
    if values.is_empty() { Err(Fault::Value) } else { Ok((Number::default(), &[])) }
}

/// How many were counted for each that was sent. As in the Collector, a rate that is none counts as 1.
fn weight(rate: &[u8]) -> Result<f64, Fault> {
    let rate = double(rate).ok_or(Fault::Rate)?;
    Ok(if 0.0 < rate && rate < 1.0 { (1.0 / rate).min(MAX_WEIGHT) } else { 1.0 })
}

/// Nobody samples one in a billion; a larger weight would be a number that nothing can be added to.
const MAX_WEIGHT: f64 = 1e9;

#[cfg(test)]
mod tests {
    use super::*;

    fn all(line: &[u8]) -> Vec<Line<'_>> {
        let mut found = Vec::new();
        assert_eq!(read(line, |line| found.push(line)), Ok(()));
        found
    }

    fn fault(line: &[u8]) -> Fault {
        read(line, drop).expect_err("a fault")
    }

    fn values(line: &[u8]) -> Vec<f64> {
        all(line).iter().flat_map(|line| line.numbers().map(|number| number.value)).collect()
    }

    #[test]
    fn every_section_is_read_in_any_order() {
        let [line] = all(b"a.b:1.5|c|c:ci-1|#k:v,bare|T1656581400|@0.25|e:x|card:low")[..] else {
            panic!("one measurement")
        };
        assert_eq!((line.name, line.kind, line.weight), (&b"a.b"[..], Kind::Counter, 4.0));
        assert_eq!(line.about, About { tags: b"k:v,bare", container: b"ci-1" });
        assert_eq!(line.time, Some(1_656_581_400));
        assert_eq!(values(b"a:1.5|c"), [1.5]);
    }

    #[test]
    fn a_line_has_several_values_or_several_measurements() {
        assert_eq!(values(b"a:1:2.5:-3|ms"), [1.0, 2.5, -3.0]);
        assert_eq!(values(b"a:1|c:2|c"), [1.0, 2.0]);
        let found = all(b"a:320|ms|@0.1:200|h|#k:v");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].weight, found[1].weight), (10.0, 1.0));
        assert_eq!((found[0].kind, found[1].kind), (Kind::Timing, Kind::Histogram));
        assert!(found.iter().all(|line| line.about.tags == b"k:v"));
    }

    #[test]
    fn signs_make_a_value_relative_and_sets_take_any_text() {
        let [line] = all(b"g:-5|g")[..] else { panic!("one measurement") };
        assert_eq!(line.numbers().next(), Some(Number { value: -5.0, relative: true }));
        let [line] = all(b"u:user:1|s")[..] else { panic!("one measurement") };
        assert_eq!(line.values, b"user:1");
    }

    #[test]
    fn a_fault_has_its_reason() {
        for (line, reason) in [
            (&b"no colon"[..], Fault::Format),
            (b"a|b:1|c", Fault::Format),
            (b"a:1", Fault::Format),
            (b":1|c", Fault::Name),
            (b"a:|c", Fault::Value),
            (b"a:one|c", Fault::Value),
            (b"a:1:x|ms", Fault::Value),
            (b"a:nan|g", Fault::NotFinite),
            (b"a:1e999|g", Fault::NotFinite),
            (b"a:1|x", Fault::Type),
            (b"a:1|", Fault::Type),
            (b"a:1|c|@x", Fault::Rate),
            (b"a:1|c|?", Fault::Section),
            (b"a:1|ms|T1", Fault::Timestamp),
            (b"a:1|c|T-1", Fault::Timestamp),
        ] {
            assert_eq!(fault(line), reason, "{}", line.escape_ascii());
        }
    }
}
