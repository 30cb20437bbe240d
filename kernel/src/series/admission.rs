//! Which series are let in: as many as the budgets have room for that each of them counts in.

use super::identity::Id;
use super::table::Series;

/// How many budgets a series can count in.
pub const MOST_BUDGETS: usize = 4;

/// Stands for no budget.
pub const NO_BUDGET: u32 = u32::MAX;

/// The series that are in, and how full each budget is.
pub struct Admission {
    members: Series<Member>,
    budgets: Vec<Budget>,
}

/// How many series there may be of something.
struct Budget {
    limit: u64,
    /// Places of these that only who asks for the last ones is given.
    last: u64,
    used: u64,
}

impl Budget {
    fn has_room(&self, last: bool) -> bool {
        self.used < self.limit - if last { 0 } else { self.last }
    }
}

/// The budgets that a series counts in.
#[derive(Clone, Copy, Default)]
pub struct Member([u32; MOST_BUDGETS]);

/// Whether a point's series is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It was in before.
    Known,
    /// It was let in now.
    New,
    /// The budget at this position has no room.
    Over(usize),
    /// It is one new series too many at this time.
    TooFast,
}

impl Admission {
    pub fn new(limit: usize) -> Self {
        Self { members: Series::new(limit), budgets: Vec::new() }
    }

    /// One more budget, and its number: for `limit` series, `last` of them in its last places.
    pub fn add_budget(&mut self, limit: u64, last: u64) -> u32 {
        self.budgets.push(Budget { limit, last: last.min(limit), used: 0 });
        self.budgets.len() as u32 - 1
    }

    /// Whether there is such a budget.
    pub fn knows(&self, budget: u32) -> bool {
        budget == NO_BUDGET || (budget as usize) < self.budgets.len()
    }

    pub fn members(&self) -> &Series<Member> {
        &self.members
    }

    /// How many series each budget has in it.
    pub fn used(&self) -> Vec<u64> {
        self.budgets.iter().map(|budget| budget.used).collect()
    }

    /// Let in the series of each point as the budgets that it counts in allow, to their last places
    /// or not; `room` new ones at most.
    pub fn admit(
        &mut self,
        ids: &[Id],
        budgets: &[Vec<u32>],
        last: bool,
        mut room: u64,
        now: u32,
    ) -> Vec<Entry> {
        let entries = ids.iter().enumerate().map(|(i, id)| {
            if self.members.find(*id, now).is_some() {
                return Entry::Known;
            }
            let mut mine = [NO_BUDGET; MOST_BUDGETS];
            for (place, codes) in mine.iter_mut().zip(budgets) {
                *place = codes[i];
            }
            if let Some(over) = mine.iter().position(|budget| !self.has_room(*budget, last)) {
                return Entry::Over(over);
            }
            if room == 0 || self.members.insert(*id, now, Member(mine)).is_none() {
                return Entry::TooFast;
            }
            room -= 1;
            for budget in mine.into_iter().filter(|budget| *budget != NO_BUDGET) {
                self.budgets[budget as usize].used += 1;
            }
            Entry::New
        });
        entries.collect()
    }

    fn has_room(&self, budget: u32, last: bool) -> bool {
        self.budgets.get(budget as usize).is_none_or(|budget| budget.has_room(last))
    }

    /// Let the series go that were last seen before `oldest`.
    pub fn expire(&mut self, oldest: u32) {
        let budgets = &mut self.budgets;
        self.members.expire(oldest, |_, member| {
            for budget in member.0.into_iter().filter(|budget| *budget != NO_BUDGET) {
                budgets[budget as usize].used -= 1;
            }
        });
    }
}
