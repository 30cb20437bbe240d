//! Histograms as Elasticsearch has them: values, and how often each came.

use super::fields::Said;
use super::text;
use crate::schema::BUCKETS;

/// Values in the middle of buckets that are not empty, from the least, and their counts.
pub type Buckets = Vec<(f64, u64)>;

/// Of buckets between bounds. The first has no lower bound, and the last no upper one.
pub fn explicit(counts: impl Iterator<Item = u64>, bounds: &[f64]) -> Buckets {
    let value = |i: usize| match (i.checked_sub(1).and_then(|at| bounds.get(at)), bounds.get(i)) {
        (None, Some(upper)) => upper / if *upper > 0.0 { 2.0 } else { 1.0 },
        (Some(lower), None) => *lower,
        (Some(lower), Some(upper)) => lower + (upper - lower) / 2.0,
        (None, None) => 0.0,
    };
    let all = counts.take(bounds.len() + 1).enumerate().map(|(i, count)| (value(i), count));
    all.filter(|(_, count)| *count > 0).collect()
}

/// Of buckets between powers of 2^(2^-scale).
pub fn exponential(scale: i32, zeros: u64, positive: &[u8], negative: &[u8]) -> Buckets {
    let mut buckets: Buckets = side(scale, negative);
    buckets.reverse();
    for (value, _) in &mut buckets {
        *value = -*value;
    }
    if zeros > 0 {
        buckets.push((0.0, zeros));
    }
    buckets.extend(side(scale, positive));
    buckets
}

fn side(scale: i32, body: &[u8]) -> Buckets {
    let said = Said::of(&BUCKETS, body);
    let offset = said.number(1).cast_signed() as f64;
    let width = (-f64::from(scale)).exp2();
    let bound = |i: usize| ((offset + i as f64) * width).exp2();
    let counts = said.numbers(2).enumerate().filter(|(_, count)| *count > 0);
    counts.map(|(i, count)| (bound(i).midpoint(bound(i + 1)), count)).collect()
}

pub fn write(out: &mut Vec<u8>, buckets: Buckets) {
    out.extend(b"{\"counts\":[");
    for (_, count) in &buckets {
        text::comma(out);
        text::integer(out, count);
    }
    out.extend(b"],\"values\":[");
    for (value, _) in &buckets {
        text::comma(out);
        text::double(out, value.clamp(f64::MIN, f64::MAX));
    }
    out.extend(b"]}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_become_values_in_their_middle() {
        let buckets = explicit([1, 2, 0, 3].into_iter(), &[1.0, 3.0, 5.0]);
        assert_eq!(buckets, [(0.5, 1), (2.0, 2), (5.0, 3)]);
    }

    #[test]
    fn exponential_buckets_go_from_the_least_to_the_greatest() {
        let one = [0x08, 0x00, 0x12, 0x02, 0x00, 0x04]; // offset 0, counts 0 and 4
        assert_eq!(exponential(0, 2, &one, &one), [(-3.0, 4), (0.0, 2), (3.0, 4)]);
    }
}
