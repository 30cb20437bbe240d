//! Values of one series that percentiles are told of: all of them, up to a bound.

/// Values with their weights, in the order in which they came; of many, some stand for others.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    values: Vec<(f64, f64)>,
    count: f64,
    sum: f64,
    /// How many values were left when some last came to stand for others.
    folded: usize,
}

/// Values that are kept as they came; of more, each that is left stands for a 500th at most.
const EXACT: usize = 1024;
const SHARES: f64 = 500.0;

impl Samples {
    pub fn add(&mut self, value: f64, weight: f64) {
        if self.values.len() >= EXACT.max(2 * self.folded) {
            self.fold();
        }
        self.values.push((value, weight));
        self.count += weight;
        self.sum += value * weight;
    }

    pub fn count(&self) -> u64 {
        self.count as u64
    }

    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The least value that so many percent of all are not over, as the Collector has it.
    pub fn percentiles(&mut self, wanted: &[f64]) -> Vec<(f64, f64)> {
        self.sort();
        wanted.iter().map(|percent| (percent / 100.0, self.quantile(percent / 100.0))).collect()
    }

    fn quantile(&self, share: f64) -> f64 {
        let (wanted, mut upto) = (share * self.count, 0.0);
        let reached = self.values.iter().find(|(_, weight)| {
            upto += weight;
            upto >= wanted
        });
        reached.or(self.values.last()).map_or(0.0, |(value, _)| *value)
    }

    fn sort(&mut self) {
        self.values.sort_by(|one, other| one.0.total_cmp(&other.0));
    }

    /// Let neighbours become one as long as it stands for little. The least and the greatest stay.
    fn fold(&mut self) {
        self.sort();
        let (most, last) = (self.count / SHARES, self.values.len() - 1);
        let mut left: Vec<(f64, f64)> = Vec::with_capacity(EXACT);
        for (at, (value, weight)) in self.values.iter().enumerate() {
            match left.last_mut() {
                Some(before) if at > 1 && at < last && before.1 + weight <= most => {
                    before.1 += weight;
                    before.0 += (value - before.0) * weight / before.1;
                }
                _ => left.push((*value, *weight)),
            }
        }
        self.folded = left.len();
        self.values = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_exact() {
        let mut samples = Samples::default();
        (1..=10).rev().for_each(|value| samples.add(f64::from(value), 1.0));
        let found = samples.percentiles(&[0.0, 10.0, 50.0, 95.0, 100.0]);
        assert_eq!(found, [(0.0, 1.0), (0.1, 1.0), (0.5, 5.0), (0.95, 10.0), (1.0, 10.0)]);
        assert_eq!((samples.count(), samples.sum()), (10, 55.0));
    }

    #[test]
    fn a_weight_counts_as_so_many() {
        let mut samples = Samples::default();
        samples.add(1.0, 9.0);
        samples.add(2.0, 1.0);
        assert_eq!(samples.percentiles(&[90.0, 91.0]), [(0.9, 1.0), (0.91, 2.0)]);
        assert_eq!(samples.count(), 10);
    }

    #[test]
    fn many_values_take_little_room_and_are_told_to_a_hundredth() {
        let mut samples = Samples::default();
        let many = 200_000u32;
        for number in 0..many {
            let mixed = number.wrapping_mul(2_654_435_761) % many;
            samples.add(f64::from(mixed), 1.0);
        }
        assert!(samples.values.len() <= 4 * EXACT, "{}", samples.values.len());
        let mut kept: Vec<f64> =
            (0..many).map(|n| f64::from(n.wrapping_mul(2_654_435_761) % many)).collect();
        kept.sort_by(f64::total_cmp);
        for (share, value) in samples.percentiles(&[0.0, 1.0, 50.0, 99.0, 100.0]) {
            let at = kept.partition_point(|it| *it < value) as f64 / f64::from(many);
            assert!((at - share).abs() < 0.01, "{share}: {value} is at {at}");
        }
        assert_eq!(samples.count(), u64::from(many));
    }
}
