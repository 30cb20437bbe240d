//! What is kept of a series: the point that a scrape shows, and how the next one changes it.

use std::sync::Arc;

use super::family::{Family, Kind};
use super::fault::{Fault, is_valid};
use super::labels::{Labels, merged};
use super::source::Origin;
use super::view::Coming;
use crate::series::point::Point;
use crate::wire::write_varint;

#[derive(Clone, Default)]
pub enum State {
    #[default]
    Gone,
    Shown(Shown),
    Hidden(Hidden),
}

/// A series that is exposed.
#[derive(Clone)]
pub struct Shown {
    pub family: Arc<Family>,
    pub origin: Arc<Origin>,
    pub labels: Labels,
    /// A hash of all its labels and its family.
    pub print: u64,
    pub point: Point,
    pub exemplars: Option<Arc<[u8]>>,
}

/// A series whose labels are those of another one, which is exposed.
#[derive(Clone)]
pub struct Hidden {
    /// The place of that one.
    pub behind: u32,
    pub print: u64,
    /// The time of its point when this one last came, and how often it has been the same.
    pub time: u64,
    pub silent: u8,
}

/// How many points of a hidden series in a row must find the other one silent for it to take over.
const SILENT: u8 = 2;

impl Hidden {
    pub fn behind(behind: u32, hidden: &Shown, time: u64) -> Self {
        Self { behind, print: hidden.print, time, silent: 0 }
    }

    /// Note the time of the other one's point; whether it still sends.
    pub fn finds(&mut self, time: u64) -> bool {
        self.silent = if self.time == time { self.silent + 1 } else { 0 };
        self.time = time;
        self.silent < SILENT
    }
}

/// Odd, and with bits everywhere: spreads small numbers over all others.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Points that are so far ahead of the clock do not make later ones old, in nanoseconds.
const AHEAD: u64 = 60_000_000_000;

/// Exemplars that are kept of a series: those of the newest point, in bytes.
const MAX_EXEMPLARS: usize = 2048;

impl Shown {
    pub fn new(family: &Arc<Family>, origin: &Arc<Origin>, labels: Labels, point: Point) -> Self {
        let of_family = u64::from(family.number).wrapping_mul(SPREAD);
        Self {
            family: Arc::clone(family),
            origin: Arc::clone(origin),
            print: labels.fingerprint().wrapping_add(origin.print).wrapping_add(of_family),
            labels,
            point,
            exemplars: None,
        }
    }

    /// Whether it has the same labels and the same family.
    pub fn is_same(&self, other: &Self) -> bool {
        self.print == other.print
            && Arc::ptr_eq(&self.family, &other.family)
            && merged(&self.origin.labels, &self.labels)
                .eq(merged(&other.origin.labels, &other.labels))
    }

    /// Show a newer point; `wall` is what time it is in Unix nanoseconds.
    pub fn show(&mut self, point: Point, delta: bool, wall: u64) -> Result<(), Fault> {
        let known = &mut self.point;
        if known.time <= wall.saturating_add(AHEAD) && is_old(known, &point, delta) {
            return Err(Fault::Old);
        }
        // A counter may begin anew, and who reads it sees that; what goes up and down must not.
        let may_begin_anew = point.start != 0 && point.start != known.time;
        if !delta || may_begin_anew && self.family.kind != Kind::Gauge {
            *known = point;
            return Ok(());
        }
        let start = known.start;
        let added = known.value.add(&point.value).is_ok();
        if !added || !is_valid(self.family.kind, known) {
            *known = point; // as if it had begun anew
            return Ok(());
        }
        (known.start, known.time) = (start, point.time);
        Ok(())
    }

    /// Keep the exemplars that a point has, if it has any.
    pub fn keep_exemplars(&mut self, coming: &Coming) {
        let mut kept = Vec::new();
        for body in coming.exemplars() {
            if kept.len() + body.len() <= MAX_EXEMPLARS {
                write_varint(&mut kept, body.len() as u64);
                kept.extend_from_slice(body);
            }
        }
        if !kept.is_empty() {
            self.exemplars = Some(Arc::from(kept));
        }
    }
}

/// Whether a point adds nothing to what is known. A delta must not begin before its end; anything
/// else must be of the same source, which has begun when it began, or of a later one.
fn is_old(known: &Point, point: &Point, delta: bool) -> bool {
    match (delta, point.start) {
        (true, 0) => point.time <= known.time,
        (true, start) => start < known.time,
        (false, start) => point.time < known.time || start != 0 && start < known.start,
    }
}
