//! What has come since the last flush, put together by series.

use std::mem;
use std::sync::Arc;

use hashbrown::HashTable;
use memchr::memchr_iter;

use super::attributes::{Attributes, text};
use super::event;
use super::fault::{Fault, Faults};
use super::line::{self, Kind, Line, NANOS};
use super::logs;
use super::mapping::{Mapping, Verdict};
use super::observer::Observer;
use super::series::{About, Form, Held};
use crate::encode::write_record;
use crate::series::identity::Id;
use crate::series::table::Series;

/// What was asked for.
pub struct Terms {
    pub metric_type: bool,
    pub simple_tags: bool,
    /// Whether values that come with a time are points of that time.
    pub timestamps: bool,
    /// Of timers, histograms and distributions.
    pub observers: [Arc<Observer>; 3],
    pub max_series: usize,
    /// Windows for which a series is remembered that is not seen.
    pub windows_kept: u32,
    /// Whether somebody takes metrics, and logs.
    pub signals: [bool; 2],
}

/// Series, and everything that is counted. Whoever has it has a lock.
pub struct Window {
    terms: Terms,
    mapping: Mapping,
    series: Series<State>,
    /// Where series are by how lines write them, which is in several ways.
    known: HashTable<Known>,
    scales: Vec<f64>,
    /// Places of series with values.
    touched: Vec<u32>,
    /// Places of series that are of one moment.
    timed: Vec<u32>,
    number: u32,
    observed: usize,
    records: Vec<u8>,
    scratch: Vec<u8>,
    pub counts: Counts,
    pub faults: Faults,
}

/// What came, since the start.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub datagrams: u64,
    pub lines: u64,
    /// Lines of series that are too many.
    pub folded: u64,
}

#[derive(Clone, Default)]
struct State {
    about: Option<Arc<About>>,
    /// The window that its values are of.
    window: u32,
    held: Held,
}

#[derive(Clone, Copy)]
struct Known {
    id: Id,
    way: Way,
}

/// Where values go, and by which of the scales they are multiplied.
#[derive(Clone, Copy)]
struct Way {
    place: u32,
    scale: u32,
}

/// All that a window came to.
pub struct Taken {
    pub points: Vec<(Arc<About>, Held)>,
    /// Log records, as a scope has them.
    pub records: Vec<u8>,
}

/// Values that are told of one by one, in a window: 16 MB.
const MAX_OBSERVED: usize = 1_000_000;

/// Bytes of log records in a window.
const MAX_RECORDS: usize = 16 << 20;

/// Series that others are put together in, besides the limit.
const MAX_OVERFLOW: usize = 1000;

/// How lines write a series, and what series they are: as kinds of identities.
const WRITTEN: u32 = 1;
const MEANT: u32 = 2;

impl Window {
    pub fn new(terms: Terms, mapping: Mapping) -> Self {
        let series = Series::new(terms.max_series + MAX_OVERFLOW);
        Self {
            terms,
            mapping,
            series,
            known: HashTable::new(),
            scales: vec![1.0],
            touched: Vec::new(),
            timed: Vec::new(),
            number: 1,
            observed: 0,
            records: Vec::new(),
            scratch: Vec::new(),
            counts: Counts::default(),
            faults: Faults::default(),
        }
    }

    /// How many series there are.
    pub fn series(&self) -> usize {
        self.series.len()
    }

    /// Take lines; the last one may have an end or not. `now` is in Unix nanoseconds.
    pub fn lines(&mut self, bytes: &[u8], now: u64) {
        let mut start = 0;
        for end in memchr_iter(b'\n', bytes) {
            self.line(&bytes[start..end], now);
            start = end + 1;
        }
        self.line(&bytes[start..], now);
    }

    /// The lines but for the last, which is lost.
    pub fn without_last<'a>(&mut self, bytes: &'a [u8], fault: Fault) -> &'a [u8] {
        let end = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        self.faults.note(fault, &bytes[end..]);
        &bytes[..end]
    }

    fn line(&mut self, line: &[u8], now: u64) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return;
        }
        let outcome = match event::read(line) {
            Some(event) => event.and_then(|event| self.record(&event, now)),
            None => self.measurements(line, now),
        };
        match outcome {
            Ok(()) => self.counts.lines += 1,
            Err(fault) => self.faults.note(fault, line),
        }
    }

    fn record(&mut self, event: &event::Event, now: u64) -> Result<(), Fault> {
        if !self.terms.signals[1] {
            return Err(Fault::NoPipeline);
        }
        if self.records.len() >= MAX_RECORDS {
            return Err(Fault::ItemLimit);
        }
        let body = logs::record(event, self.terms.simple_tags, now)?;
        write_record(&mut self.records, 2, &body);
        Ok(())
    }

    fn measurements(&mut self, line: &[u8], now: u64) -> Result<(), Fault> {
        let mut outcome = Ok(());
        line::read(line, |measured| {
            outcome = outcome.and_then(|()| self.measurement(&measured, now));
        })?;
        outcome
    }

    fn measurement(&mut self, line: &Line, now: u64) -> Result<(), Fault> {
        if !self.terms.signals[0] {
            return Err(Fault::NoPipeline);
        }
        let Way { place, scale } = self.way(line)?;
        let number = self.number;
        self.series.touch(place, number);
        let State { about, window, held } = self.series.get_mut(place);
        let Some(about) = about else { return Err(Fault::SeriesLimit) };
        if matches!(about.form, Form::Observed) {
            if self.observed >= MAX_OBSERVED {
                return Err(Fault::ItemLimit);
            }
            self.observed += line.numbers().count();
        }
        if *window != number {
            *window = number;
            self.touched.push(place);
        }
        self.counts.folded += u64::from(about.overflow);
        held.add(line, &about.form, self.scales[scale as usize], now);
        Ok(())
    }

    /// The way of a line: the one it went before, if it was written like this.
    fn way(&mut self, line: &Line) -> Result<Way, Fault> {
        if self.terms.timestamps && line.time.is_some() {
            return self.find_way(line);
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(line.name);
        self.scratch.extend([b'|', line.kind as u8]);
        self.scratch.extend_from_slice(line.about.tags);
        self.scratch.push(b'|');
        self.scratch.extend_from_slice(line.about.container);
        let id = Id::of(&self.scratch, WRITTEN);
        if let Some(known) = self.known.find(id.id, |known| known.id == id) {
            return Ok(known.way);
        }
        let way = self.find_way(line)?;
        if self.known.len() < 2 * self.terms.max_series {
            self.known.insert_unique(id.id, Known { id, way }, |known| known.id.id);
        }
        Ok(way)
    }

    fn find_way(&mut self, line: &Line) -> Result<Way, Fault> {
        let mut name = text(line.name)?;
        let mut attributes = Attributes::of(&line.about, self.terms.simple_tags)?;
        let verdict = self.mapping.of(name, line.kind);
        let (mut observer, mut scale) = (self.observer(line.kind), 1.0);
        match &verdict {
            Verdict::AsItIs => {}
            Verdict::Dropped => return Err(Fault::Unwanted),
            Verdict::Mapped(mapped) => {
                name = &mapped.name;
                for (key, value) in &mapped.labels {
                    if mapped.honor_labels {
                        attributes.set_default(&**key, &**value);
                    } else {
                        attributes.set(&**key, &**value);
                    }
                }
                observer = mapped.observer.clone().unwrap_or(observer);
                scale = mapped.scale;
            }
        }
        if name.is_empty() {
            return Err(Fault::Name);
        }
        if self.terms.metric_type {
            attributes.set("metric_type", line.kind.name());
        }
        let form = Form::of(line.kind, name, &observer).ok_or(Fault::Unwanted)?;
        let time = line.time.filter(|_| self.terms.timestamps).unwrap_or(0) * NANOS;
        Ok(Way { place: self.place(name, &attributes, form, time)?, scale: self.scale(scale) })
    }

    fn observer(&self, kind: Kind) -> Arc<Observer> {
        let [timers, histograms, distributions] = &self.terms.observers;
        Arc::clone(match kind {
            Kind::Histogram => histograms,
            Kind::Distribution => distributions,
            _ => timers,
        })
    }

    fn scale(&mut self, scale: f64) -> u32 {
        let known = self.scales.iter().position(|it| it.to_bits() == scale.to_bits());
        let at = known.unwrap_or_else(|| {
            self.scales.push(scale);
            self.scales.len() - 1
        });
        at as u32
    }

    /// The place of a series, or where it is told of that is one too many.
    fn place(
        &mut self,
        name: &str,
        attributes: &Attributes,
        form: Form,
        time: u64,
    ) -> Result<u32, Fault> {
        let overflow = match self.place_of(name, attributes, &form, time, false) {
            Some(place) => return Ok(place),
            None if !form.adds_up() => return Err(Fault::SeriesLimit),
            None => {
                let mut overflow = Attributes::default();
                overflow.set("otel.metric.overflow", "true");
                overflow
            }
        };
        self.place_of(name, &overflow, &form, 0, true).ok_or(Fault::SeriesLimit)
    }

    fn place_of(
        &mut self,
        name: &str,
        attributes: &Attributes,
        form: &Form,
        time: u64,
        overflow: bool,
    ) -> Option<u32> {
        let mut written = Vec::new();
        attributes.write(&mut written, form.point().1);
        let id = identity(name, &written, form, time);
        if let Some(place) = self.series.peek(id) {
            return Some(place);
        }
        if !overflow && self.series.len() >= self.terms.max_series {
            return None;
        }
        let (name, attributes) = (name.into(), written.into_boxed_slice());
        let about = About { name, attributes, form: form.clone(), time, overflow };
        let state = State { about: Some(Arc::new(about)), ..State::default() };
        let place = self.series.insert(id, self.number, state)?;
        if time != 0 {
            self.timed.push(place);
        }
        Some(place)
    }

    /// Take everything, and begin anew. Gauges keep their values, which others may be relative to.
    pub fn take(&mut self) -> Taken {
        let mut points = Vec::with_capacity(self.touched.len());
        for place in self.touched.drain(..) {
            let State { about, held, .. } = self.series.get_mut(place);
            let Some(about) = about else { continue };
            let value = match (&about.form, &held) {
                (Form::Gauge, Held::Number(value)) => Held::Number(*value),
                _ => mem::take(held),
            };
            points.push((Arc::clone(about), value));
        }
        self.number += 1;
        self.observed = 0;
        self.forget();
        Taken { points, records: mem::take(&mut self.records) }
    }

    /// Let go of series that have not been seen for long, and of those of one moment.
    fn forget(&mut self) {
        let before = self.series.len();
        for place in self.timed.drain(..) {
            self.series.remove(place);
        }
        let oldest = self.number.saturating_sub(self.terms.windows_kept);
        self.series.expire(oldest, |_, _| {});
        if self.series.len() < before {
            self.known.clear();
        }
    }
}

/// What makes it this series: its name, type, attributes and time.
fn identity(name: &str, attributes: &[u8], form: &Form, time: u64) -> Id {
    let mut bytes = Vec::with_capacity(name.len() + attributes.len() + 16);
    bytes.push(form.tag());
    bytes.extend_from_slice(&time.to_le_bytes());
    bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(attributes);
    Id::of(&bytes, MEANT)
}
