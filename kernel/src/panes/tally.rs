//! Counts in buckets at one scale, of which there are only so many: the lowest become one.

use super::saved::{Reader, number, signed};
use crate::series::exponential::Buckets;

/// Counts by the index of their bucket.
#[derive(Clone, Debug)]
pub enum Tally {
    /// In the order of their indices.
    Few(Vec<(i32, u64)>),
    Many(Buckets),
}

impl Default for Tally {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// Single buckets that are kept before it is asked whether those between them take less room.
const FEW: usize = 16;

impl Tally {
    /// The first index and the last.
    fn range(&self) -> Option<(i32, i32)> {
        match self {
            Self::Few(counts) => Some((counts.first()?.0, counts.last()?.0)),
            Self::Many(buckets) => {
                let end = buckets.offset + buckets.counts.len() as i32;
                (end > buckets.offset).then_some((buckets.offset, end - 1))
            }
        }
    }

    /// Count so many in a bucket, and let there be `size` buckets from the first to the last.
    pub fn add(&mut self, index: i32, count: u64, size: usize) {
        let (first, last) = self.range().unwrap_or((index, index));
        let lowest = last.max(index) - size as i32 + 1;
        if first < lowest {
            self.raise(lowest);
        }
        self.put(index.max(lowest), count);
    }

    pub fn merge(&mut self, other: &Self, size: usize) {
        other.iter().for_each(|(index, count)| self.add(index, count, size));
    }

    /// Let what is below an index be in its bucket.
    fn raise(&mut self, lowest: i32) {
        let sum = |low: u64, count: u64| low.saturating_add(count);
        let low = match self {
            Self::Few(counts) => {
                let below = counts.partition_point(|(index, _)| *index < lowest);
                counts.drain(..below).fold(0, |low, (_, count)| sum(low, count))
            }
            Self::Many(buckets) => {
                let below = (lowest - buckets.offset) as usize;
                let below = below.min(buckets.counts.len());
                buckets.offset += below as i32;
                buckets.counts.drain(..below).fold(0, sum)
            }
        };
        self.put(lowest, low);
    }

    fn put(&mut self, index: i32, count: u64) {
        match self {
            Self::Many(buckets) => buckets.count(index.into(), count),
            Self::Few(counts) => match counts.binary_search_by_key(&index, |(index, _)| *index) {
                Ok(at) => counts[at].1 = counts[at].1.saturating_add(count),
                Err(at) => {
                    counts.insert(at, (index, count));
                    self.widen();
                }
            },
        }
    }

    /// Keep the buckets in between too, where that takes less room.
    fn widen(&mut self) {
        let (Self::Few(counts), Some((first, last))) = (&*self, self.range()) else { return };
        let each = size_of::<(i32, u64)>() / size_of::<u64>();
        if counts.len() > FEW && counts.len() * each > (last - first) as usize {
            let mut buckets = Buckets::default();
            for (index, count) in counts {
                buckets.count((*index).into(), *count);
            }
            *self = Self::Many(buckets);
        }
    }

    /// Buckets that something is in, from the first to the last.
    pub fn iter(&self) -> Box<dyn DoubleEndedIterator<Item = (i32, u64)> + '_> {
        match self {
            Self::Few(counts) => Box::new(counts.iter().copied()),
            Self::Many(buckets) => {
                let counts = buckets.counts.iter().enumerate();
                let all = counts.map(|(at, count)| (buckets.offset + at as i32, *count));
                Box::new(all.filter(|(_, count)| *count > 0))
            }
        }
    }

    pub fn weight(&self) -> usize {
        match self {
            Self::Few(counts) => counts.capacity() * size_of::<(i32, u64)>(),
            Self::Many(buckets) => buckets.counts.capacity() * size_of::<u64>(),
        }
    }

    pub fn save(&self, out: &mut Vec<u8>) {
        number(out, self.iter().count() as u64);
        let mut before = 0;
        for (index, count) in self.iter() {
            signed(out, i64::from(index) - before);
            number(out, count);
            before = index.into();
        }
    }

    /// `most` is how far from 0 an index can be.
    pub fn restore(from: &mut Reader, size: usize, most: i32) -> Option<Self> {
        let mut tally = Self::default();
        let mut index = 0i64;
        for _ in 0..from.count(size)? {
            index = index.checked_add(from.signed()?)?;
            let fits = (-i64::from(most)..=i64::from(most)).contains(&index);
            tally.add(i32::try_from(index).ok().filter(|_| fits)?, from.number()?, size);
        }
        Some(tally)
    }
}
