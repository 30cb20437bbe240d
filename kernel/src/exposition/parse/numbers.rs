//! Numbers as expositions write them.

use crate::exposition::number::write_shortest;

/// A float in the notation of Go, which knows `+Inf` and `NaN`.
pub fn float(text: &[u8]) -> Option<f64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// Unix nanoseconds of milliseconds.
pub fn millis(text: &[u8]) -> Option<i64> {
    let millis: i64 = str::from_utf8(text).ok()?.parse().ok()?;
    millis.checked_mul(1_000_000).filter(|nanos| *nanos >= 0)
}

/// Unix nanoseconds of seconds, to the millisecond: floats hold no more of a time.
pub fn seconds(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1e3).round();
    (0.0..i64::MAX as f64 / 1e6).contains(&millis).then(|| millis as i64 * 1_000_000)
}

/// A float as Prometheus has it in labels: shortest, with a point or an exponent.
pub fn in_label(value: f64) -> String {
    let mut out = Vec::new();
    write_shortest(&mut out, value);
    if out.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') {
        out.extend(b".0");
    }
    String::from_utf8(out).unwrap_or_default()
}
