//! One line of `StatsD`: what it says of a metric, in pieces of its own bytes.

use memchr::{memchr, memchr2, memmem};

use super::fault::Fault;

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
    /// One or several, between colons; each is a number, but for those of sets.
    pub values: &'a [u8],
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

/// A value, and whether its sign makes it a change of a gauge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    pub value: f64,
    pub relative: bool,
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
    check(kind, values)?;
    let mut line = Line { name, values, kind, weight: 1.0, about: About::default(), time: None };
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
        self.values.split(|byte| *byte == b':').filter_map(|value| number(value).ok())
    }
}

fn check(kind: Kind, values: &[u8]) -> Result<(), Fault> {
    if values.is_empty() {
        return Err(Fault::Value);
    }
    if kind == Kind::Set {
        return Ok(());
    }
    values.split(|byte| *byte == b':').try_for_each(|value| number(value).map(drop))
}

/// How many were counted for each that was sent. As in the Collector, a rate that is none counts as 1.
fn weight(rate: &[u8]) -> Result<f64, Fault> {
    let rate = double(rate).ok_or(Fault::Rate)?;
    Ok(if 0.0 < rate && rate < 1.0 { (1.0 / rate).min(MAX_WEIGHT) } else { 1.0 })
}

/// Nobody samples one in a billion; a larger weight would be a number that nothing can be added to.
const MAX_WEIGHT: f64 = 1e9;

fn number(text: &[u8]) -> Result<Number, Fault> {
    let value = double(text).ok_or(Fault::Value)?;
    if !value.is_finite() {
        return Err(Fault::NotFinite);
    }
    Ok(Number { value, relative: matches!(text, [b'+' | b'-', ..]) })
}

/// A decimal number; most are short, and are read without asking for more than their digits.
fn double(text: &[u8]) -> Option<f64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1.0, digits),
        [b'+', digits @ ..] => (1.0, digits),
        _ => (1.0, text),
    };
    short(digits).map(|value| sign * value).or_else(|| str::from_utf8(text).ok()?.parse().ok())
}

/// Digits of which a double holds every one, with or without a point: dividing by the power of ten
/// rounds as reading it would.
fn short(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    let (mut digits, mut point) = (0u64, None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && text.len() > 1 => point = Some(text.len() - 1 - at),
            _ => return None,
        }
    }
    (digits < 1 << 53).then(|| digits as f64 / POWERS[point.unwrap_or(0)])
}

const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// An integer that is a number of seconds until the year 2554, as nanoseconds have room for.
pub fn whole(text: &[u8]) -> Option<u64> {
    let value: u64 = str::from_utf8(text).ok()?.parse().ok()?;
    (value <= u64::MAX / NANOS).then_some(value)
}

/// Nanoseconds in a second.
pub const NANOS: u64 = 1_000_000_000;

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
    fn numbers_are_those_that_the_standard_library_reads() {
        for text in ["0", "1.", ".5", "007", "9007199254740993", "1e3", "0.1", "123456.789", "1E-2"]
        {
            assert_eq!(double(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in [".", "", "-", "+-1", "1.2.3", "0x10", "1_000", " 1"] {
            assert_eq!(double(text.as_bytes()), None, "{text}");
        }
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
