//! What has come since the last flush, put together by series.

use std::mem;
use std::sync::Arc;

use memchr::{memchr_iter, memrchr};

use super::directory::{Directory, State};
use super::event;
use super::fault::{Fault, Faults};
use super::line::{self, Line};
use super::logs;
use super::mapping::Mapping;
use super::observer::Observer;
use super::series::{About, Form, Held};
use crate::encode::write_record;

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
    terms: Arc<Terms>,
    directory: Directory,
    /// Places of series with values.
    touched: Vec<u32>,
    observed: usize,
    records: Vec<u8>,
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

/// All that a window came to.
pub struct Taken {
    pub points: Vec<(Arc<About>, Held)>,
    /// Log records, as a scope has them.
    pub records: Vec<u8>,
}

/// Values that are told of one by one, in a window: 16 MB.
const MAX_OBSERVED: usize = 1_000_000;

/// Bytes of log records in a window.
const MAX_RECORDS: usize = 4 << 20;

/// Part of either that there may be before the window should end.
const FULL: usize = 8;

impl Window {
    pub fn new(terms: Terms, mapping: Mapping) -> Self {
        let terms = Arc::new(terms);
        Self {
            directory: Directory::new(Arc::clone(&terms), mapping),
            terms,
            touched: Vec::new(),
            observed: 0,
            records: Vec::new(),
            counts: Counts::default(),
            faults: Faults::default(),
        }
    }

    /// How many series there are.
    pub fn series(&self) -> usize {
        self.directory.series.len()
    }

    /// Whether it should be taken before its time, since there is much in it that does not add up.
    pub fn is_full(&self) -> bool {
        self.observed >= MAX_OBSERVED / FULL || self.records.len() >= MAX_RECORDS / FULL
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
        let end = memrchr(b'\n', bytes).map_or(0, |at| at + 1);
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
        let way = self.directory.way(line)?;
        let (number, scale) = (self.directory.now, self.directory.scale_of(way));
        self.directory.series.touch(way.place, number);
        let State { about, window, held } = self.directory.series.get_mut(way.place);
        let Some(about) = about else { return Err(Fault::SeriesLimit) };
        if matches!(*about.form, Form::Observed) {
            if self.observed >= MAX_OBSERVED {
                return Err(Fault::ItemLimit);
            }
            self.observed += line.numbers().count();
        }
        if *window != number {
            *window = number;
            self.touched.push(way.place);
        }
        self.counts.folded += u64::from(about.overflow);
        held.add(line, &about.form, scale, now);
        Ok(())
    }

    /// Take everything, and begin anew. Gauges keep their values, which others may be relative to.
    pub fn take(&mut self) -> Taken {
        let mut points = Vec::with_capacity(self.touched.len());
        for place in self.touched.drain(..) {
            let State { about, held, .. } = self.directory.series.get_mut(place);
            let Some(about) = about else { continue };
            let value = match (&*about.form, &held) {
                (Form::Gauge, Held::Number(value)) => Held::Number(*value),
                _ => mem::take(held),
            };
            points.push((Arc::clone(about), value));
        }
        self.observed = 0;
        self.directory.now += 1;
        self.directory.forget();
        Taken { points, records: mem::take(&mut self.records) }
    }
}
