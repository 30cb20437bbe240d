//! Count, sum, extremes and the last of values.

use super::content::{Content, Extent, Figure, Need, Wanted};
use super::input::Input;
use super::saved::{Reader, signed};
use crate::series::value::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    extent: Extent,
    /// When the last was, and what: the greatest of those of one time.
    last: (i64, f64),
}

impl Default for Numbers {
    fn default() -> Self {
        Self { extent: Extent::default(), last: (i64::MIN, f64::NEG_INFINITY) }
    }
}

impl Numbers {
    #[inline]
    fn see(&mut self, last: (i64, f64)) {
        if last > self.last {
            self.last = last;
        }
    }
}

impl Content for Numbers {
    type Terms = ();
    type Item = (i64, f64);

    const NEEDS: &[Need] = &[Need::Values];

    #[inline]
    fn read(input: &Input, item: usize, (): &()) -> Option<(i64, f64)> {
        Some((input.time_of(item), input.finite(item)?))
    }

    #[inline]
    fn add(&mut self, item: (i64, f64), count: u64, _: i64, (): &()) -> bool {
        self.extent.add(item.1, count);
        self.see(item);
        true
    }

    fn merge(&mut self, other: &Self, (): &()) {
        self.extent.merge(&other.extent);
        self.see(other.last);
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.extent.save(out);
        signed(out, self.last.0);
        out.extend(self.last.1.to_le_bytes());
    }

    fn restore(from: &mut Reader, (): &()) -> Option<Self> {
        let extent = Extent::restore(from)?;
        let last = (from.signed()?, from.double()?);
        (extent.count == 0 || last.1.is_finite()).then_some(Self { extent, last })
    }

    fn figure(&self, figure: Figure, (): &()) -> Option<f64> {
        match figure {
            Figure::Last if self.extent.count == 0 => Some(f64::NAN),
            Figure::Last => Some(self.last.1),
            figure => self.extent.figure(figure),
        }
    }

    fn point(&self, wanted: Wanted, (): &()) -> Option<Value> {
        match wanted {
            Wanted::Figure(Figure::Count) => Some(Value::Int(self.extent.count.cast_signed())),
            Wanted::Figure(figure) => self.figure(figure, &()).map(Value::Double),
            Wanted::Class(_) => None,
        }
    }
}
