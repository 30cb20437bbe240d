//! How many distinct values there were, by their hashes.

use super::content::{Content, Figure, Need};
use super::input::Input;
use super::saved::{Reader, number};
use crate::series::distinct::{self, Room};
use crate::series::sketches::Sketch;

/// Bits that choose a register.
pub const PRECISIONS: std::ops::RangeInclusive<u32> = 4..=16;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distinct(distinct::Distinct);

/// As many hashes are kept as take the room of the registers.
pub fn room(bits: u32) -> Room {
    Room { exact: (1 << bits) / size_of::<u64>(), bits }
}

impl Content for Distinct {
    type Terms = Room;
    type Item = u64;

    const NEEDS: &[Need] = &[Need::Hashes];

    #[inline]
    fn read(input: &Input, item: usize, _: &Room) -> Option<u64> {
        input.hashes.get(item).copied()
    }

    fn add(&mut self, hash: u64, _: u64, _: i64, room: &Room) -> bool {
        self.0.add(hash, *room)
    }

    fn merge(&mut self, other: &Self, room: &Room) {
        self.0.merge(&other.0, *room);
    }

    fn weight(&self) -> usize {
        match &self.0 {
            distinct::Distinct::Few(hashes) => hashes.capacity() * size_of::<u64>(),
            distinct::Distinct::Many(sketch) => sketch.registers().len(),
        }
    }

    fn save(&self, out: &mut Vec<u8>) {
        match &self.0 {
            distinct::Distinct::Few(hashes) => {
                number(out, hashes.len() as u64 + 1);
                out.extend(hashes.iter().flat_map(|hash| hash.to_le_bytes()));
            }
            distinct::Distinct::Many(sketch) => {
                number(out, 0);
                out.extend_from_slice(sketch.registers());
            }
        }
    }

    fn restore(from: &mut Reader, room: &Room) -> Option<Self> {
        let Some(len) = from.count(room.exact + 1)?.checked_sub(1) else {
            let sketch = Sketch::with(from.bytes(1 << room.bits)?)?;
            return Some(Self(distinct::Distinct::Many(sketch)));
        };
        let hashes = (0..len).map(|_| from.array().map(u64::from_le_bytes));
        let hashes: Vec<u64> = hashes.collect::<Option<_>>()?;
        let ordered = hashes.is_sorted_by(|one, two| one < two);
        ordered.then_some(Self(distinct::Distinct::Few(hashes)))
    }

    fn figure(&self, figure: Figure, _: &Room) -> Option<f64> {
        (figure == Figure::Distinct).then(|| self.0.count() as f64)
    }
}
