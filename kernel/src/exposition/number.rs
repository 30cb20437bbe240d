//! Numbers as Prometheus' formats have them.

use std::io::Write;
use std::ops::Range;

/// Exponents of numbers that Go's shortest notation writes without one.
const WITHOUT_EXPONENT: Range<i32> = -4..6;

/// Integers of fewer digits have one text as doubles.
const EXACT: f64 = 1e15;

pub fn write_integer(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

pub fn write_signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_integer(out, value.unsigned_abs());
}

/// The value of a sample. What it is counts, not how it is written, so integers have no exponent.
pub fn write_value(out: &mut Vec<u8>, value: f64) {
    if value.fract() == 0.0 && value.abs() < EXACT {
        write_signed(out, value as i64);
    } else {
        write_shortest(out, value);
    }
}

/// The shortest decimals that read back as the same number, in Go's notation: the bounds of buckets
/// and quantiles are texts in labels, which must be the same wherever they come from.
pub fn write_shortest(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend(b"NaN");
    } else if value.is_infinite() {
        out.extend(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        write_finite(out, value).expect("a Vec takes whatever is written");
    }
}

fn write_finite(out: &mut Vec<u8>, value: f64) -> std::io::Result<()> {
    let exact = format!("{value:e}");
    let (digits, exponent) = exact.split_once('e').unwrap_or((&exact, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if WITHOUT_EXPONENT.contains(&exponent) {
        return write!(out, "{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// As `write_shortest`, but `OpenMetrics` wants to see that it is no integer.
pub fn write_float(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    write_shortest(out, value);
    if out[start..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') {
        out.extend(b".0");
    }
}
