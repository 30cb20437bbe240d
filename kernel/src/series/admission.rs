//! Which series are let in: as many as the budgets have room for that each of them counts in.

use super::identity::Id;
use super::table::Series;

/// How many budgets a series can count in.
pub const MOST_BUDGETS: usize = 4;

/// Stands for no budget.
pub const NO_BUDGET: u32 = u32::MAX;

/// The series that are in, and how many of each budget are used.
pub struct Admission {
    members: Series<Member>,
    used: Vec<u64>,
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
        Self { members: Series::new(limit), used: Vec::new() }
    }

    pub fn members(&self) -> &Series<Member> {
        &self.members
    }

    /// How many series each budget has in it.
    pub fn used(&self) -> &[u64] {
        &self.used
    }

    /// Let in the series of each point as its `budgets` allow, of which each may hold as many as
    /// `limits` says; `room` new ones at most.
    pub fn admit(
        &mut self,
        ids: &[Id],
        budgets: &[Vec<u32>],
        limits: &[u64],
        mut room: u64,
        now: u32,
    ) -> Vec<Entry> {
        self.used.resize(self.used.len().max(limits.len()), 0);
        let entries = ids.iter().enumerate().map(|(i, id)| {
            if self.members.find(*id, now).is_some() {
                return Entry::Known;
            }
            let mut mine = [NO_BUDGET; MOST_BUDGETS];
            for (place, codes) in mine.iter_mut().zip(budgets) {
                *place = codes[i];
            }
            if let Some(over) = mine.iter().position(|budget| !self.has_room(*budget, limits)) {
                return Entry::Over(over);
            }
            if room == 0 || self.members.insert(*id, now, Member(mine)).is_none() {
                return Entry::TooFast;
            }
            room -= 1;
            for budget in mine.into_iter().filter(|budget| *budget != NO_BUDGET) {
                self.used[budget as usize] += 1;
            }
            Entry::New
        });
        entries.collect()
    }

    fn has_room(&self, budget: u32, limits: &[u64]) -> bool {
        let limit = limits.get(budget as usize);
        limit.is_none_or(|limit| self.used[budget as usize] < *limit)
    }

    /// Let the series go that were last seen before `oldest`.
    pub fn expire(&mut self, oldest: u32) {
        let used = &mut self.used;
        self.members.expire(oldest, |_, member| {
            for budget in member.0.into_iter().filter(|budget| *budget != NO_BUDGET) {
                used[budget as usize] -= 1;
            }
        });
    }
}
