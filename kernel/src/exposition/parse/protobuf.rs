//! The protobuf format: messages `io.prometheus.client.MetricFamily`, each after its length.

use super::family::{Family, Kind};
use super::numbers::in_label;
use super::table::{Exemplar, Label, Limits, NO_NATIVE, NO_TIME, Table};
use crate::wire::{self, FIXED64, Field, Fields, LEN, Result, malformed};

pub fn parse(body: &[u8], limits: Limits) -> Result<Table> {
    let mut reader = Reader { body, table: Table::new(limits), base: Vec::new() };
    let mut at = 0;
    while at < body.len() {
        let end = wire::length(body, &mut at, body.len())?;
        reader.family(at, end)?;
        at = end;
    }
    Ok(reader.table)
}

pub struct Reader<'a> {
    pub body: &'a [u8],
    pub table: Table,
    /// The labels of the metric that is being read.
    pub base: Vec<Label>,
}

/// The types of a family, by their numbers.
const KINDS: [Kind; 6] = [
    Kind::Counter,
    Kind::Gauge,
    Kind::Summary,
    Kind::Unknown,
    Kind::Histogram,
    Kind::GaugeHistogram,
];

/// A `Summary`, or the part of a `Histogram` that is like one.
#[derive(Default)]
pub struct Totals {
    pub count: f64,
    pub sum: f64,
    pub start: Option<u64>,
}

impl Reader<'_> {
    /// The fields of a message, all of which must be well-formed.
    fn fields(&self, at: usize, end: usize) -> Result<Vec<Field>> {
        let fields: Vec<Field> = Fields::within(self.body, at, end).collect();
        let read = fields.last().map_or(at, |field| field.end);
        if read == end { Ok(fields) } else { malformed(read, "a message is cut off") }
    }

    pub fn inside(&self, field: &Field) -> Result<Vec<Field>> {
        if field.wire_type == LEN {
            self.fields(field.body, field.end)
        } else {
            malformed(field.tag, "a number stands where a message has to")
        }
    }

    fn text(&self, field: &Field) -> Result<&str> {
        match str::from_utf8(&self.body[field.body..field.end]) {
            Ok(text) if field.wire_type == LEN => Ok(text),
            _ => malformed(field.tag, "a string is not valid UTF-8"),
        }
    }

    pub fn double(&self, field: &Field) -> f64 {
        if field.wire_type == FIXED64 { f64::from_bits(field.fixed(self.body)) } else { 0.0 }
    }

    pub fn natural(&self, field: &Field) -> u64 {
        field.varint(self.body)
    }

    pub fn signed(&self, field: &Field) -> i32 {
        let zigzag = self.natural(field) as u32;
        (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed())
    }

    fn family(&mut self, at: usize, end: usize) -> Result<()> {
        let fields = self.fields(at, end)?;
        let (mut name, mut family) = (String::new(), Family::default());
        let mut kind = 0;
        for field in &fields {
            match field.number {
                1 => self.text(field)?.clone_into(&mut name),
                2 => family.help = self.code(field)?,
                3 => kind = self.natural(field) as usize,
                5 => family.unit = self.code(field)?,
                _ => {}
            }
        }
        if name.is_empty() {
            return malformed(at, "a family has no name");
        }
        family.kind = KINDS.get(kind).copied().unwrap_or_default();
        let code = self.table.texts.code(&name);
        self.table.families.insert(code, family);
        fields.iter().filter(|f| f.number == 4).try_for_each(|field| self.metric(&name, field))
    }

    fn code(&mut self, field: &Field) -> Result<u32> {
        let text = self.text(field)?.to_owned();
        Ok(self.table.texts.code(&text))
    }

    fn pair(&mut self, field: &Field) -> Result<Label> {
        let mut label = Label { name: 0, value: 0 };
        for part in self.inside(field)? {
            match part.number {
                1 => label.name = self.code(&part)?,
                2 => label.value = self.code(&part)?,
                _ => {}
            }
        }
        if label.name == 0 { malformed(field.tag, "a label has no name") } else { Ok(label) }
    }

    fn metric(&mut self, name: &str, metric: &Field) -> Result<()> {
        let fields = self.inside(metric)?;
        self.base.clear();
        let mut time = NO_TIME;
        for field in &fields {
            match field.number {
                1 => {
                    let label = self.pair(field)?;
                    self.base.push(label);
                }
                6 => time = self.millis(field)?,
                _ => {}
            }
        }
        for field in &fields {
            match field.number {
                2 | 3 | 5 => self.number(name, field, time)?,
                4 => self.summary(name, field, time)?,
                7 => self.histogram(name, field, time)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn millis(&self, field: &Field) -> Result<i64> {
        match self.natural(field).cast_signed().checked_mul(1_000_000) {
            Some(nanos) if nanos >= 0 => Ok(nanos),
            _ => malformed(field.tag, "a time is out of range"),
        }
    }

    /// Add a sample of the metric that is being read.
    pub fn sample(
        &mut self,
        name: [&str; 2],
        extra: Option<(&str, f64)>,
        value: f64,
        time: i64,
        at: usize,
    ) -> Result<()> {
        self.table.label("__name__", &name.concat());
        self.table.labels.extend_from_slice(&self.base);
        if let Some((label, limit)) = extra {
            self.table.label(label, &in_label(limit));
        }
        self.table.sample(value, time, NO_NATIVE, at)
    }

    /// A gauge, a counter or an untyped value.
    fn number(&mut self, name: &str, field: &Field, time: i64) -> Result<()> {
        let sample = self.table.samples.len() as u32;
        let mut value = 0.0;
        for part in self.inside(field)? {
            match (field.number, part.number) {
                (_, 1) => value = self.double(&part),
                (3, 2) => self.exemplar(sample, &part)?,
                (3, 3) => self.starts(sample, &part)?,
                _ => {}
            }
        }
        self.sample([name, ""], None, value, time, field.tag)
    }

    fn starts(&mut self, sample: u32, field: &Field) -> Result<()> {
        if let Some(start) = self.timestamp(field)? {
            self.table.starts.push((sample, start));
        }
        Ok(())
    }

    /// A `google.protobuf.Timestamp`, in Unix nanoseconds.
    pub fn timestamp(&self, field: &Field) -> Result<Option<u64>> {
        let (mut secs, mut nanos) = (0_u64, 0);
        for part in self.inside(field)? {
            match part.number {
                1 => secs = self.natural(&part),
                2 => nanos = self.natural(&part),
                _ => {}
            }
        }
        let time = secs.checked_mul(1_000_000_000).and_then(|secs| secs.checked_add(nanos));
        Ok(time.filter(|time| (1..=i64::MAX.cast_unsigned()).contains(time)))
    }

    pub fn exemplar(&mut self, sample: u32, field: &Field) -> Result<()> {
        let mut exemplar = Exemplar { sample, labels: Vec::new(), value: 0.0, time: NO_TIME };
        for part in self.inside(field)? {
            match part.number {
                1 => exemplar.labels.push(self.pair(&part)?),
                2 => exemplar.value = self.double(&part),
                3 => {
                    let time = self.timestamp(&part)?;
                    exemplar.time = time.map_or(NO_TIME, u64::cast_signed);
                }
                _ => {}
            }
        }
        self.table.exemplars.push(exemplar);
        Ok(())
    }

    fn summary(&mut self, name: &str, field: &Field, time: i64) -> Result<()> {
        let mut totals = Totals::default();
        for part in self.inside(field)? {
            match part.number {
                1 => totals.count = self.natural(&part) as f64,
                2 => totals.sum = self.double(&part),
                3 => self.quantile(name, &part, time)?,
                4 => totals.start = self.timestamp(&part)?,
                _ => {}
            }
        }
        self.totals(name, &totals, time, field.tag)
    }

    fn quantile(&mut self, name: &str, quantile: &Field, time: i64) -> Result<()> {
        let (mut rank, mut value) = (0.0, 0.0);
        for part in self.inside(quantile)? {
            match part.number {
                1 => rank = self.double(&part),
                2 => value = self.double(&part),
                _ => {}
            }
        }
        self.sample([name, ""], Some(("quantile", rank)), value, time, quantile.tag)
    }

    pub fn totals(&mut self, name: &str, totals: &Totals, time: i64, at: usize) -> Result<()> {
        self.sample([name, "_sum"], None, totals.sum, time, at)?;
        if let Some(start) = totals.start {
            self.table.starts.push((self.table.samples.len() as u32, start));
        }
        self.sample([name, "_count"], None, totals.count, time, at)
    }
}
