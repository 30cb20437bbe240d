//! Exponential histograms as Prometheus' native ones.

use super::draft::{write_fixed, write_number};
use super::native::STALE;
use crate::encode::write_record;
use crate::series::value::{Buckets, Exponential};
use crate::wire::write_varint;

/// The scales that Prometheus has; finer ones are made coarser.
const COARSEST: i32 = -4;
const FINEST: i32 = 8;

/// The width of the bucket of zeros, where it is not said (OpenTelemetry's Prometheus compatibility).
const ZERO_THRESHOLD: f64 = 1e-128;

/// Empty buckets in a row that are rather written than left out, as Prometheus' own clients do.
const MAX_GAP: i64 = 2;

/// The fields of a native histogram of that time in milliseconds; `None` for one that Prometheus
/// would refuse: it is too coarse, or its buckets and its count do not add up.
pub fn native(it: &Exponential, stale: bool, time: i64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write_number(&mut out, 15, time.cast_unsigned());
    if stale {
        write_fixed(&mut out, 3, STALE);
        return Some(out);
    }
    let mut it = it.clone();
    it.coarsen(it.scale - FINEST);
    if it.scale < COARSEST || !adds_up(&it) {
        return None;
    }
    write_number(&mut out, 1, it.totals.count);
    write_fixed(&mut out, 3, it.totals.sum.unwrap_or_default().to_bits());
    write_number(&mut out, 4, u64::from(zigzag(i64::from(it.scale)) as u32));
    let threshold = if it.zero_threshold > 0.0 { it.zero_threshold } else { ZERO_THRESHOLD };
    write_fixed(&mut out, 5, threshold.to_bits());
    write_number(&mut out, 6, it.zero_count);
    write_side(&mut out, 8, &it.negative);
    write_side(&mut out, 11, &it.positive);
    Some(out)
}

/// Observations that are not numbers are in the count and in no bucket; then the sum is none either.
fn adds_up(it: &Exponential) -> bool {
    let mut buckets = it.positive.counts.iter().chain(&it.negative.counts);
    let Some(observed) = buckets.try_fold(it.zero_count, |all, count| all.checked_add(*count))
    else {
        return false;
    };
    let counted = i64::try_from(observed).is_ok();
    let nan = it.totals.sum.is_some_and(f64::is_nan);
    counted && (observed == it.totals.count || nan && observed < it.totals.count)
}

/// Write the spans of one sign, and in the next field how each bucket differs from the one before.
fn write_side(out: &mut Vec<u8>, number: u32, buckets: &Buckets) {
    let (mut spans, mut deltas) = (Vec::<(i64, u64)>::new(), Vec::new());
    let (mut next, mut before) = (0, 0);
    // OTLP's index of a bucket is that of its lower bound, Prometheus' that of the upper one.
    let indexed = (i64::from(buckets.offset) + 1..).zip(&buckets.counts);
    for (index, count) in indexed.filter(|(_, count)| **count > 0) {
        let gap = index - next;
        match spans.last_mut() {
            Some((_, length)) if gap <= MAX_GAP => {
                *length += gap as u64 + 1;
                for _ in 0..gap {
                    write_varint(&mut deltas, zigzag(-before));
                    before = 0;
                }
            }
            _ => spans.push((gap, 1)),
        }
        let count = count.cast_signed();
        write_varint(&mut deltas, zigzag(count - before));
        (next, before) = (index + 1, count);
    }
    for (offset, length) in spans {
        let mut span = Vec::new();
        write_number(&mut span, 1, u64::from(zigzag(offset) as u32));
        write_number(&mut span, 2, length);
        write_record(out, number, &span);
    }
    if !deltas.is_empty() {
        write_record(out, number + 1, &deltas);
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}
