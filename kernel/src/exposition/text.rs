//! The text formats: Prometheus' 0.0.4 and `OpenMetrics` 1.0.

use super::exemplar::{by_bucket, exemplars};
use super::family::{Family, Kind};
use super::labels::Labels;
use super::lines::Line;
use super::names::{Escaping, is_bare, is_bare_label, needs_escapes};
use super::number::{write_integer, write_signed, write_value};
use super::state::Shown;
use crate::series::histogram::Histogram;
use crate::series::value::Value;

pub struct Text {
    pub open_metrics: bool,
    pub escaping: Escaping,
    pub timestamps: bool,
}

/// A family as it is written: under its name without `_total` where `OpenMetrics` wants that.
pub struct Heading {
    /// The name before any suffix, and whether it needs no quotes.
    name: String,
    pub bare: bool,
    /// Whether its samples have a name that ends in `_total` and this one does not.
    pub total: bool,
}

pub const TOTAL: &str = "_total";

impl Text {
    /// Write what stands before the samples of a family. `clashes` says whether its name without
    /// `_total` is that of another one.
    pub fn begin(&self, out: &mut Vec<u8>, family: &Family, clashes: bool) -> Heading {
        let name = self.escaping.apply(&family.name);
        let counter = self.open_metrics && family.kind == Kind::Counter;
        let stem = if counter && !clashes { name.strip_suffix(TOTAL) } else { None };
        let kind = if counter && stem.is_none() { Kind::Unknown } else { family.kind };
        let heading = Heading {
            name: stem.unwrap_or(&name).to_owned(),
            bare: is_bare(name.as_bytes()),
            total: stem.is_some(),
        };
        let [help, unit] = family.comments();
        let mut comment = |what: &str, text: &str| {
            out.extend(b"# ");
            out.extend(what.as_bytes());
            out.push(b' ');
            heading.write_name(out, "");
            out.push(b' ');
            self.write_help(out, text);
            out.push(b'\n');
        };
        if !help.is_empty() {
            comment("HELP", &help);
        }
        comment("TYPE", self.type_of(kind));
        if self.open_metrics && !unit.is_empty() && heading.name.ends_with(&format!("_{unit}")) {
            comment("UNIT", &unit);
        }
        heading
    }

    fn type_of(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
            Kind::Unknown if self.open_metrics => "unknown",
            Kind::Unknown => "untyped",
        }
    }

    fn write_help(&self, out: &mut Vec<u8>, text: &str) {
        if self.open_metrics {
            return write_escaped(out, text.as_bytes());
        }
        for byte in text.bytes() {
            match byte {
                b'\\' => out.extend(b"\\\\"),
                b'\n' => out.extend(b"\\n"),
                byte => out.push(byte),
            }
        }
    }

    /// Write the samples of a series.
    pub fn series(&self, out: &mut Vec<u8>, heading: &Heading, shown: &Shown) {
        let mut labels = Vec::new();
        self.write_labels(&mut labels, &shown.labels, &shown.origin.labels);
        let line = Line { text: self, heading, labels: &labels, time: shown.point.time };
        let exemplars = || exemplars(shown.exemplars.as_deref()).filter(|_| self.open_metrics);
        match &shown.point.value {
            Value::Int(value) => {
                let exemplar = exemplars().last().filter(|_| heading.total);
                line.number(out, |out| write_signed(out, *value), exemplar.as_ref());
            }
            Value::Double(value) => {
                let exemplar = exemplars().last().filter(|_| heading.total);
                line.number(out, |out| write_value(out, *value), exemplar.as_ref());
            }
            Value::Histogram(it) => line.histogram(out, it, by_bucket(exemplars(), &it.bounds)),
            // Its buckets have no place here; only a protobuf scrape has them.
            Value::Exponential(it) => {
                let whole = Histogram { totals: it.totals, ..Histogram::default() };
                line.histogram(out, &whole, vec![exemplars().last()]);
            }
            Value::Summary(it) => line.summary(out, it),
            Value::Absent => {}
        }
    }

    /// Write the one sample of a family that says something about where others come from.
    pub fn info(&self, out: &mut Vec<u8>, heading: &Heading, info: &Labels) {
        let mut labels = Vec::new();
        self.write_labels(&mut labels, info, &Labels::default());
        Line { text: self, heading, labels: &labels, time: 0 }.sample(out, "", None, |out| {
            out.push(b'1');
        });
    }

    fn write_labels(&self, out: &mut Vec<u8>, one: &Labels, two: &Labels) {
        let plain = one.is_plain() && two.is_plain();
        self.escaping.each_label(one, two, |name, value| {
            if !out.is_empty() {
                out.push(b',');
            }
            if plain || is_bare_label(name) {
                out.extend_from_slice(name);
            } else {
                write_quoted(out, name);
            }
            if plain {
                out.extend_from_slice(b"=\"");
                out.extend_from_slice(value);
                out.push(b'"');
            } else {
                out.push(b'=');
                write_quoted(out, value);
            }
        });
    }
}

impl Heading {
    pub fn write_name(&self, out: &mut Vec<u8>, suffix: &str) {
        if self.bare {
            out.extend_from_slice(self.name.as_bytes());
            out.extend_from_slice(suffix.as_bytes());
        } else {
            write_quoted(out, format!("{}{suffix}", self.name).as_bytes());
        }
    }
}

pub const NANOS_PER_MILLI: u64 = 1_000_000;

/// A time in seconds, to the millisecond.
pub fn write_seconds(out: &mut Vec<u8>, nanos: u64) {
    let millis = nanos / NANOS_PER_MILLI;
    write_integer(out, millis / 1000);
    out.extend(format!(".{:03}", millis % 1000).bytes());
}

fn write_quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

fn write_escaped(out: &mut Vec<u8>, text: &[u8]) {
    if !needs_escapes(text) {
        return out.extend_from_slice(text);
    }
    for byte in text {
        match byte {
            b'\\' => out.extend(b"\\\\"),
            b'"' => out.extend(b"\\\""),
            b'\n' => out.extend(b"\\n"),
            byte => out.push(*byte),
        }
    }
}
