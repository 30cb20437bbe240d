//! Whatever points come in whatever order, what is kept of series stays within its limits, and what
//! is made of the points can be read again.

#![no_main]

use std::sync::Arc;

use _kernel::payload::Payload;
use _kernel::schema::METRICS;
use _kernel::series::admission::{Admission, Entry, NO_BUDGET};
use _kernel::series::apply::{CUMULATIVE, DELTA, Outcome, Subject, each, write};
use _kernel::series::differences::{Difference, Differences};
use _kernel::series::fold::{Fold, Gauge};
use _kernel::series::identity::{Id, ids};
use _kernel::series::point::Point;
use _kernel::series::sketches::Sketches;
use _kernel::series::totals::{Fault, Totals};
use fuzzing::Input;
use libfuzzer_sys::fuzz_target;

/// So few that inputs reach it.
const LIMIT: usize = 4;

struct Verbs {
    totals: Totals,
    differences: Differences,
    fold: Fold,
    admission: Admission,
    sketches: Sketches,
}

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let [gauge, pieces, times @ ..] = input.choices;
    let gauges = [Gauge::Last, Gauge::Sum, Gauge::Min, Gauge::Max];
    let mut verbs = Verbs {
        totals: Totals::new(LIMIT),
        differences: Differences::new(LIMIT),
        fold: Fold::new(LIMIT, gauges[gauge as usize % 4]),
        admission: Admission::new(LIMIT),
        sketches: Sketches::new(LIMIT),
    };
    verbs.admission.add_budget(2, 1);
    let size = input.rest.len() / (1 + pieces as usize % 4) + 1;
    for (bytes, time) in input.rest.chunks(size).zip(times) {
        let Ok(payload) = Payload::parse(&METRICS, bytes.to_vec()) else { continue };
        verbs.take(&[Arc::new(payload)], &input, u32::from(time));
        verbs.expire(u32::from(time / 2));
    }
});

impl Verbs {
    fn take(&mut self, payloads: &[Arc<Payload>], input: &Input, now: u32) {
        let points = payloads[0].items();
        let wanted = input.decisions(points);
        let ids = ids(&payloads[0]);
        let sources: Vec<Id> = ids.iter().rev().copied().collect();
        self.admit(&ids, now);
        self.sketches.note(payloads, &wanted);
        readable(&self.added_up(payloads, &wanted, now), points);
        readable(&self.taken_apart(payloads, &wanted, now), points);
        let (folded, _) = self.fold.fold(payloads, &sources, &wanted, now);
        readable(&folded, points);
        assert!(self.totals.series().len() <= LIMIT);
        assert!(self.differences.series().len() <= LIMIT);
        assert!(self.fold.count() <= 2 * LIMIT, "sources of sums and of gauges");
    }

    fn admit(&mut self, ids: &[Id], now: u32) {
        let budgets = [ids.iter().map(|id| if id.id % 2 == 0 { 0 } else { NO_BUDGET }).collect()];
        let entries = self.admission.admit(ids, &budgets, now % 2 == 0, 3, now);
        assert!(entries.iter().filter(|entry| **entry == Entry::New).count() <= 3);
        assert!(self.admission.members().len() <= LIMIT);
        assert!(self.admission.used()[0] <= 2);
    }

    fn added_up(
        &mut self,
        payloads: &[Arc<Payload>],
        wanted: &[bool],
        now: u32,
    ) -> Vec<Arc<Payload>> {
        rewritten(payloads, wanted, CUMULATIVE, |subject| {
            self.totals.add(subject.id, subject.point, now)
        })
    }

    fn taken_apart(
        &mut self,
        payloads: &[Arc<Payload>],
        wanted: &[bool],
        now: u32,
    ) -> Vec<Arc<Payload>> {
        rewritten(payloads, wanted, DELTA, |subject| {
            let grows = subject.traits.grows();
            Ok(match self.differences.next(subject.id, subject.point, grows, now)? {
                Difference::First(point) | Difference::Since(point) | Difference::Reset(point) => {
                    point
                }
            })
        })
    }

    fn expire(&mut self, oldest: u32) {
        self.totals.series().expire(oldest, |_, _| {});
        self.differences.expire(oldest);
        self.fold.expire(oldest);
        self.admission.expire(oldest);
        assert!(self.admission.used()[0] <= self.admission.members().len() as u64);
    }
}

/// The points as `make` makes them; without those that it refuses.
fn rewritten(
    payloads: &[Arc<Payload>],
    wanted: &[bool],
    temporality: u32,
    mut make: impl FnMut(Subject) -> Result<Point, Fault>,
) -> Vec<Arc<Payload>> {
    let mut outcomes: Vec<Outcome> = wanted.iter().map(|_| Outcome::Stays).collect();
    each(payloads, wanted, |subject| {
        let item = subject.item;
        outcomes[item] = make(subject).map_or(Outcome::Goes, Outcome::Becomes);
    });
    write(payloads, &outcomes, Some(temporality))
}

/// What was written is metrics again, of no more points than there were.
fn readable(written: &[Arc<Payload>], most: usize) {
    let read = |payload: &Arc<Payload>| Payload::parse(&METRICS, payload.bytes().to_vec());
    let points: usize = written.iter().map(|one| read(one).expect("metrics").items()).sum();
    assert!(points <= most);
}
