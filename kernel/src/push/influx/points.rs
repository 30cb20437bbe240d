//! Lines as data points: the schemas that the converter of `InfluxData` finds in them.

use std::borrow::Cow;

use super::line::{Line, Lines};
use super::value::Value;
use crate::encode::{write_record, write_text_pair};
use crate::exposition::fault::is_valid_histogram;
use crate::push::faults::Faults;
use crate::push::time::rfc3339;
use crate::push::tree::{Head, Kind, Origin, Tree, unsigned};
use crate::schema::{HISTOGRAM_DATA_POINT, NUMBER_DATA_POINT};
use crate::series::histogram::Histogram;
use crate::series::point::Point;
use crate::series::value::{self, Totals};
use crate::wire::{Malformed, malformed};

/// What lines mean, as far as they do not say it.
pub struct Options<'a> {
    /// Nanoseconds of a unit of time.
    pub precision: i64,
    /// Unix nanoseconds, of lines that say no time.
    pub now: u64,
    /// Tags that begin so are attributes of the resource.
    pub resource: &'a [String],
    /// The body of the scope.
    pub scope: &'a [u8],
    /// Bytes that the points may come to.
    pub room: usize,
}

#[derive(Default)]
pub struct Outcome {
    pub tree: Tree,
    /// By the numbers of lines.
    pub faults: Faults,
    /// Fields that are texts, which no data point can hold.
    pub texts: usize,
}

/// Read a body; `None` if its points take more room than they may.
pub fn read(body: &[u8], options: &Options) -> Option<Outcome> {
    let (mut lines, mut line) = (Lines::new(body), Line::default());
    let mut outcome = Outcome::default();
    while let Some((number, read)) = lines.next(&mut line) {
        if let Err(fault) = read.and_then(|()| add(&line, options, &mut outcome)) {
            let shown = || format!("unable to parse '{}': {}", lines.shown(&fault), fault.reason);
            outcome.faults.add(number, shown);
        }
        if outcome.tree.size > options.room {
            return None;
        }
    }
    Some(outcome)
}

/// What all points of a line have.
struct Common<'a> {
    measurement: Cow<'a, str>,
    origin: u32,
    tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    delta: bool,
    start: u64,
    time: u64,
}

const TEMPORALITY: &str = "temporality";
const START: &str = "start_time";

fn add(line: &Line, options: &Options, outcome: &mut Outcome) -> Result<(), Malformed> {
    let common = Common::of(line, options, &mut outcome.tree)?;
    let field = |name: &[u8]| line.fields.iter().find(|(key, _)| **key == *name);
    let sum = Kind::Sum { delta: common.delta, monotonic: true };
    for (key, kind) in [(&b"gauge"[..], Kind::Gauge), (b"counter", sum)] {
        if let Some(value) = field(key).and_then(|(_, value)| number(value)) {
            common.number(&common.measurement, kind, value, &mut outcome.tree);
            return Ok(());
        }
    }
    if let Some(histogram) = histogram(line) {
        common.histogram(histogram, &mut outcome.tree);
        return Ok(());
    }
    for (key, value) in line.fields.iter().filter(|(key, _)| **key != *START.as_bytes()) {
        let name = format!("{}_{}", common.measurement, String::from_utf8_lossy(key));
        match number(value) {
            Some(value) => common.number(&name, Kind::Gauge, value, &mut outcome.tree),
            None => outcome.texts += 1,
        }
        if outcome.tree.size > options.room {
            break;
        }
    }
    Ok(())
}

fn number(value: &Value) -> Option<value::Value> {
    Some(match *value {
        Value::Float(value) => value::Value::Double(value),
        Value::Integer(value) => value::Value::Int(value),
        Value::Unsigned(value) => unsigned(value),
        Value::Boolean(value) => value::Value::Int(i64::from(value)),
        Value::Text(_) => return None,
    })
}

/// What a line is that has a count, a sum and for each bucket a field named by its bound, and
/// nothing else.
fn histogram(line: &Line) -> Option<Histogram> {
    let (mut totals, mut counted) = (Totals::default(), None);
    let mut buckets = Vec::new();
    for (key, value) in &line.fields {
        match str::from_utf8(key).ok()? {
            "count" => counted = Some(value.count()?),
            "sum" => totals.sum = Some(value.double()?),
            START => {}
            bound => buckets.push((bound.parse().ok()?, value.count()?)),
        }
    }
    totals.sum?;
    totals.count = counted?;
    buckets.retain(|(bound, _): &(f64, u64)| bound.is_finite());
    buckets.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let (bounds, cumulative): (Vec<f64>, Vec<u64>) = buckets.into_iter().unzip();
    let mut counts = Vec::new();
    if !bounds.is_empty() {
        let mut before = 0;
        for count in cumulative.into_iter().chain([totals.count]) {
            counts.push(count.checked_sub(before)?);
            before = count;
        }
    }
    Some(Histogram { totals, bounds, counts }).filter(is_valid_histogram)
}

impl<'a> Common<'a> {
    fn of(line: &'a Line, options: &Options, tree: &mut Tree) -> Result<Self, Malformed> {
        let time = match line.time {
            None => options.now,
            Some(time) => match time.checked_mul(options.precision).map(u64::try_from) {
                Some(Ok(time)) => time,
                _ => return malformed(line.offset, "a time before 1970 or after 2262"),
            },
        };
        let mut resource = Vec::new();
        let mut tags = Vec::with_capacity(line.tags.len());
        let mut delta = false;
        for (key, value) in &line.tags {
            let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
            if options.resource.iter().any(|prefix| key.starts_with(prefix)) {
                write_text_pair(&mut resource, 1, key.as_bytes(), value.as_bytes());
            } else if key == TEMPORALITY && value == "delta" {
                delta = true;
            } else {
                tags.push((key, value));
            }
        }
        let origin = tree.origin(Origin { resource, scope: options.scope.to_vec() });
        let measurement = String::from_utf8_lossy(&line.measurement);
        Ok(Self { measurement, origin, tags, delta, start: start(line), time })
    }

    fn number(&self, name: &str, kind: Kind, value: value::Value, tree: &mut Tree) {
        let mut body = Vec::new();
        self.point(value).write(&mut body, &NUMBER_DATA_POINT, &self.attributes(kind));
        tree.point(self.head(name, kind), &body);
    }

    fn histogram(&self, histogram: Histogram, tree: &mut Tree) {
        let (kind, mut body) = (Kind::Histogram { delta: self.delta }, Vec::new());
        let point = self.point(value::Value::Histogram(Box::new(histogram)));
        point.write(&mut body, &HISTOGRAM_DATA_POINT, &self.attributes(kind));
        tree.point(self.head(&self.measurement, kind), &body);
    }

    fn point(&self, value: value::Value) -> Point {
        Point { start: self.start, time: self.time, flags: 0, value }
    }

    fn attributes(&self, kind: Kind) -> Vec<u8> {
        let mut out = Vec::new();
        for (key, value) in &self.tags {
            write_text_pair(&mut out, kind.attributes(), key.as_bytes(), value.as_bytes());
        }
        out
    }

    fn head(&self, name: &str, kind: Kind) -> Head {
        let mut body = Vec::new();
        write_record(&mut body, 1, name.as_bytes());
        Head { origin: self.origin, body, kind }
    }
}

/// When what a line counts began, as Telegraf says it.
fn start(line: &Line) -> u64 {
    let found = line.fields.iter().find(|(key, _)| **key == *START.as_bytes());
    match found {
        Some((_, Value::Text(text))) => str::from_utf8(text).ok().and_then(rfc3339).unwrap_or(0),
        _ => 0,
    }
}
