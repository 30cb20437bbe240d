//! Exponential histograms as Prometheus' native ones.

use super::native::STALE;
use crate::encode::write_record;
use crate::exposition::fault::{is_valid_exponential, observations};
use crate::exposition::native::{fitted, spans, zero_threshold};
use crate::series::exponential::{Buckets, Exponential};
use crate::wire::{write_fixed, write_number, write_varint};

/// The fields of a native histogram of that time in milliseconds; `None` for one that Prometheus
/// would refuse: it is too coarse, or its buckets and its count do not add up.
pub fn native(it: &Exponential, stale: bool, time: i64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write_number(&mut out, 15, time.cast_unsigned());
    if stale {
        write_fixed(&mut out, 3, STALE);
        return Some(out);
    }
    let it = fitted(it);
    if !is_valid_exponential(&it) || !adds_up(&it) {
        return None;
    }
    write_number(&mut out, 1, it.totals.count);
    write_fixed(&mut out, 3, it.totals.sum.unwrap_or_default().to_bits());
    write_number(&mut out, 4, u64::from(zigzag(i64::from(it.scale)) as u32));
    write_fixed(&mut out, 5, zero_threshold(&it).to_bits());
    write_number(&mut out, 6, it.zero_count);
    write_side(&mut out, 8, &it.negative);
    write_side(&mut out, 11, &it.positive);
    Some(out)
}

/// Observations that are not numbers are in the count and in no bucket; then the sum is none either.
fn adds_up(it: &Exponential) -> bool {
    let nan = it.totals.sum.is_some_and(f64::is_nan);
    observations(it).is_some_and(|all| all == it.totals.count || nan && all < it.totals.count)
}

/// Write the spans of one sign, and in the next field how each bucket differs from the one before.
fn write_side(out: &mut Vec<u8>, number: u32, buckets: &Buckets) {
    let (spans, deltas) = spans(buckets);
    for (offset, length) in spans {
        let mut span = Vec::new();
        write_number(&mut span, 1, u64::from(zigzag(offset) as u32));
        write_number(&mut span, 2, length.into());
        write_record(out, number, &span);
    }
    if !deltas.is_empty() {
        let mut packed = Vec::new();
        for delta in deltas {
            write_varint(&mut packed, zigzag(delta));
        }
        write_record(out, number + 1, &packed);
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}
