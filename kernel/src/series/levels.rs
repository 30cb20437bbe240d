//! What goes up and down, of several sources together: the sum of what each says last.

use super::identity::Id;
use super::table::Series;
use super::totals::Fault;
use super::value::Value;

/// The current value of every source, and which series it is summed up in.
pub struct Levels {
    sources: Series<Level>,
    sums: Series<Sum>,
}

#[derive(Clone, Default)]
struct Level {
    time: u64,
    value: f64,
    sum: Id,
}

#[derive(Clone, Default)]
struct Sum {
    value: f64,
    /// Whether every source counts whole numbers, so that the sum is one.
    is_whole: bool,
}

impl Levels {
    pub fn new(limit: usize) -> Self {
        Self { sources: Series::new(limit), sums: Series::new(limit) }
    }

    /// Sources that something is kept of.
    pub fn count(&self) -> usize {
        self.sources.len()
    }

    pub fn weight(&self) -> usize {
        self.sources.weight() + self.sums.weight()
    }

    /// Note what a source says now, and return the sum.
    pub fn set(
        &mut self,
        source: Id,
        sum: Id,
        time: u64,
        value: &Value,
        now: u32,
    ) -> Result<Value, Fault> {
        if value.as_double().is_nan() {
            return Err(Fault::Unusable);
        }
        let level = Level { time, value: value.as_double(), sum };
        let change = match self.sources.find(source, now) {
            Some(place) if time <= self.sources.get(place).time => return Err(Fault::Late),
            Some(place) => {
                let before = std::mem::replace(self.sources.get_mut(place), level);
                value.as_double() - before.value
            }
            None => {
                self.sources.insert(source, now, level).ok_or(Fault::Full)?;
                value.as_double()
            }
        };
        self.change(sum, change, matches!(value, Value::Int(_)), now)
    }

    fn change(&mut self, sum: Id, change: f64, is_whole: bool, now: u32) -> Result<Value, Fault> {
        let first = Sum { value: 0.0, is_whole: true };
        let known = self.sums.find(sum, now).or_else(|| self.sums.insert(sum, now, first));
        let place = known.ok_or(Fault::Full)?;
        let sum = self.sums.get_mut(place);
        sum.value += change;
        sum.is_whole &= is_whole;
        Ok(if sum.is_whole { Value::Int(sum.value as i64) } else { Value::Double(sum.value) })
    }

    /// Forget the sources that were last seen before `oldest`: they count no more.
    pub fn expire(&mut self, oldest: u32) {
        let mut gone = Vec::new();
        self.sources.expire(oldest, |_, level| gone.push(level.clone()));
        for level in gone {
            if let Some(place) = self.sums.peek(level.sum) {
                self.sums.get_mut(place).value -= level.value;
            }
        }
        self.sums.expire(oldest, |_, _| {});
    }
}
