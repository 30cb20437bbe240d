//! Series that became one: their points put together so that the totals stay right, whatever the
//! type and temporality, whichever batch the points come in, and when sources begin anew.

use std::sync::Arc;

use ahash::HashMap;

use super::apply::{CUMULATIVE, DELTA, GAUGE, Outcome, Subject, each, write};
use super::differences::{Difference, Differences};
use super::identity::Id;
use super::levels::Levels;
use super::point::Point;
use super::sequence::Sequence;
use super::totals::{Fault, Totals};
use crate::payload::Payload;

/// What a gauge of several sources shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gauge {
    /// The newest value of any.
    Last,
    /// What all sources say last, added up.
    Sum,
    Min,
    Max,
}

/// What was kept of the sources and of what they are folded into.
pub struct Fold {
    sources: Differences,
    totals: Totals,
    levels: Levels,
    sequence: Sequence,
    gauge: Gauge,
}

/// How many points were not taken, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub late: u64,
    pub full: u64,
    pub unusable: u64,
    /// Sources that began anew; nothing was lost of them.
    pub resets: u64,
    /// First points of sources that may have been forgotten: they count from then on.
    pub unknown: u64,
}

impl Report {
    pub fn note(&mut self, fault: Fault) {
        match fault {
            Fault::Late => self.late += 1,
            Fault::Full => self.full += 1,
            Fault::Unusable => self.unusable += 1,
        }
    }
}

/// The points of a batch that are folded into one.
struct Group {
    /// The position of the first, in whose place the result stands.
    item: usize,
    point: Option<Point>,
    makes: Makes,
}

/// What the point of a group is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Makes {
    /// One of the points, or several, as it stands.
    Choice,
    /// What came to all sources together.
    Delta,
    /// The sum of what each source says now.
    Level,
    /// What came to the total since the last batch.
    Gain,
}

impl Fold {
    /// For at most `limit` sources of each kind.
    pub fn new(limit: usize, gauge: Gauge) -> Self {
        Self {
            sources: Differences::new(limit),
            totals: Totals::new(limit),
            levels: Levels::new(limit),
            sequence: Sequence::new(limit),
            gauge,
        }
    }

    /// Sources that something is kept of.
    pub fn count(&mut self) -> usize {
        self.sources.series().len() + self.levels.count()
    }

    /// Whether what came from a source is in a total: it must not be anywhere else.
    pub fn counts(&self, source: Id) -> bool {
        self.sources.knows(source)
    }

    /// Bytes of memory.
    pub fn weight(&mut self) -> usize {
        let totals = self.totals.series().weight() + self.sources.series().weight();
        totals + self.levels.weight() + self.sequence.weight()
    }

    /// Forget what was last seen before `oldest`.
    pub fn expire(&mut self, oldest: u32) {
        self.sources.expire(oldest);
        self.totals.series().expire(oldest, |_, _| {});
        self.levels.expire(oldest);
        self.sequence.expire(oldest);
    }

    /// Fold the points whose `wanted` is true into those of the series that they are of now;
    /// `sources` says of which each was before.
    pub fn fold(
        &mut self,
        payloads: &[Arc<Payload>],
        sources: &[Id],
        wanted: &[bool],
        now: u32,
    ) -> (Vec<Arc<Payload>>, Report) {
        let mut report = Report::default();
        let mut groups: HashMap<Id, Group> = HashMap::default();
        let mut outcomes: Vec<Outcome> = wanted
            .iter()
            .map(|wanted| if *wanted { Outcome::Goes } else { Outcome::Stays })
            .collect();
        each(payloads, wanted, |subject| {
            let (id, item) = (subject.id, subject.item);
            let group = groups.entry(id).or_insert(Group::at(item));
            if let Err(fault) = self.take(group, subject, sources[item], now, &mut report) {
                report.note(fault);
            }
        });
        for (id, group) in groups {
            let item = group.item;
            match self.result(id, group, now) {
                Ok(Some(point)) => outcomes[item] = Outcome::Becomes(point),
                Ok(None) => {}
                Err(fault) => report.note(fault),
            }
        }
        (write(payloads, &outcomes, None), report)
    }

    fn take(
        &mut self,
        group: &mut Group,
        subject: Subject,
        source: Id,
        now: u32,
        report: &mut Report,
    ) -> Result<(), Fault> {
        let Subject { id, point, traits, .. } = subject;
        if point.has_no_value() {
            return Ok(());
        }
        if point.value.is_nan() {
            return Err(Fault::Unusable);
        }
        match (traits.kind, traits.temporality) {
            (GAUGE, _) => match self.gauge {
                Gauge::Last => group.choose(point, |new, held| new.time >= held.time),
                Gauge::Min => group.choose(point, |new, held| new.value.is_less(&held.value)),
                Gauge::Max => group.choose(point, |new, held| held.value.is_less(&new.value)),
                Gauge::Sum => self.take_level(group, point, source, id, now)?,
            },
            (_, DELTA) => {
                group.makes = Makes::Delta;
                group.add(point)?;
            }
            (_, CUMULATIVE) if traits.grows() => {
                group.makes = Makes::Gain;
                match self.sources.next(source, point, true, now)? {
                    Difference::First(point) if self.sources.may_have_forgotten(&point) => {
                        report.unknown += 1;
                    }
                    Difference::First(gain) | Difference::Since(gain) => group.add(gain)?,
                    Difference::Reset(gain) => {
                        report.resets += 1;
                        group.add(gain)?;
                    }
                }
            }
            (_, CUMULATIVE) => self.take_level(group, point, source, id, now)?,
            _ => return Err(Fault::Unusable),
        }
        Ok(())
    }

    fn take_level(
        &mut self,
        group: &mut Group,
        point: Point,
        source: Id,
        id: Id,
        now: u32,
    ) -> Result<(), Fault> {
        let value = self.levels.set(source, id, point.time, &point.value, now)?;
        group.makes = Makes::Level;
        group.choose(Point { value, ..point }, |_, _| true);
        Ok(())
    }

    fn result(&mut self, id: Id, group: Group, now: u32) -> Result<Option<Point>, Fault> {
        let Some(mut point) = group.point else { return Ok(None) };
        match group.makes {
            Makes::Choice => {}
            Makes::Gain => point = self.totals.gain(id, point, now)?,
            Makes::Level => {
                self.sequence.advance(id, &mut point, now);
            }
            Makes::Delta => {
                let before = self.sequence.advance(id, &mut point, now);
                point.start = point.start.max(before);
            }
        }
        Ok(Some(point))
    }
}

impl Group {
    fn at(item: usize) -> Self {
        Self { item, point: None, makes: Makes::Choice }
    }

    /// Put a point in, whose value is added to that of the others.
    fn add(&mut self, point: Point) -> Result<(), Fault> {
        let Some(held) = &mut self.point else {
            self.point = Some(Point { flags: 0, ..point });
            return Ok(());
        };
        held.value.add(&point.value)?;
        held.cover(&point);
        Ok(())
    }

    /// Put a point in, whose value counts instead of the others' if it is `better` than theirs.
    fn choose(&mut self, point: Point, better: impl FnOnce(&Point, &Point) -> bool) {
        let Some(held) = &mut self.point else {
            self.point = Some(Point { flags: 0, ..point });
            return;
        };
        held.cover(&point);
        if better(&point, held) {
            held.value = point.value;
        }
    }
}

impl Point {
    /// Let it be from the time of both.
    fn cover(&mut self, other: &Self) {
        self.start = self.start.min(other.start);
        self.time = self.time.max(other.time);
    }
}
