//! The panes of a key, in the order of their starts.

/// A pane of time.
#[derive(Clone, Debug, Default)]
pub struct Pane<C> {
    pub start: i64,
    /// Whether it changed since its record was made; a new one did.
    pub changed: bool,
    /// Whether there is a record of it.
    pub saved: bool,
    pub content: C,
}

/// Most keys have one pane, which then needs no room beside the key.
#[derive(Clone, Debug)]
pub enum Kept<C> {
    One(Pane<C>),
    Several(Vec<Pane<C>>),
}

/// Panes that a key may have: a month of minutes.
pub const MAX_PANES: usize = 44_640;

impl<C> Default for Kept<C> {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl<C: Default> Kept<C> {
    pub fn all(&self) -> &[Pane<C>] {
        match self {
            Self::One(pane) => std::slice::from_ref(pane),
            Self::Several(panes) => panes,
        }
    }

    pub fn all_mut(&mut self) -> &mut [Pane<C>] {
        match self {
            Self::One(pane) => std::slice::from_mut(pane),
            Self::Several(panes) => panes,
        }
    }

    /// The panes that start from `first` on and before `last`.
    pub fn between(&self, first: i64, last: i64) -> &[Pane<C>] {
        let all = self.all();
        let from = all.partition_point(|pane| pane.start < first);
        let to = all.partition_point(|pane| pane.start < last);
        &all[from..to.max(from)]
    }

    /// The pane that starts there, which is made where there is none; `None` if that is one too many.
    #[inline]
    pub fn at(&mut self, start: i64) -> Option<&mut Pane<C>> {
        let at = match self {
            Self::One(pane) if pane.start == start => 0,
            Self::Several(panes) if panes.last().is_some_and(|pane| pane.start == start) => {
                panes.len() - 1
            }
            _ => self.place_of(start)?,
        };
        self.all_mut().get_mut(at)
    }

    #[cold]
    fn place_of(&mut self, start: i64) -> Option<usize> {
        let found = self.all().binary_search_by_key(&start, |pane| pane.start);
        let Err(at) = found else { return found.ok() };
        let pane = Pane { start, changed: true, ..Pane::default() };
        match self {
            Self::Several(panes) if panes.is_empty() => *self = Self::One(pane),
            Self::Several(panes) if panes.len() >= MAX_PANES => return None,
            Self::Several(panes) => panes.insert(at, pane),
            Self::One(other) => {
                let mut panes = Vec::with_capacity(2);
                panes.push(std::mem::take(other));
                panes.insert(at, pane);
                *self = Self::Several(panes);
            }
        }
        Some(at)
    }

    /// Take away the panes that start before that.
    pub fn take_before(&mut self, before: i64) -> Vec<Pane<C>> {
        let count = self.between(i64::MIN, before).len();
        match self {
            _ if count == 0 => Vec::new(),
            Self::One(pane) => {
                let pane = std::mem::take(pane);
                *self = Self::default();
                vec![pane]
            }
            Self::Several(panes) => {
                let taken = panes.drain(..count).collect();
                panes.shrink_to(2 * panes.len());
                taken
            }
        }
    }

    /// Bytes of memory besides what contents point to.
    pub fn weight(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Several(panes) => panes.capacity() * size_of::<Pane<C>>(),
        }
    }
}
