//! Numbers as lines write them.

use super::fault::Fault;

/// A value, and whether its sign makes it a change of a gauge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Number {
    pub value: f64,
    pub relative: bool,
}

/// Read a value, which is a number and no infinity.
pub fn number(text: &[u8]) -> Result<Number, Fault> {
    let value = double(text).ok_or(Fault::Value)?;
    if !value.is_finite() {
        return Err(Fault::NotFinite);
    }
    Ok(Number { value, relative: matches!(text, [b'+' | b'-', ..]) })
}

/// A decimal number; most are short, and are read without asking for more than their digits.
pub fn double(text: &[u8]) -> Option<f64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1.0, digits),
        [b'+', digits @ ..] => (1.0, digits),
        _ => (1.0, text),
    };
    short(digits).map(|value| sign * value).or_else(|| str::from_utf8(text).ok()?.parse().ok())
}

/// Digits of which a double holds every one, with or without a point: dividing by the power of ten
/// rounds as reading it would.
fn short(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    let (mut digits, mut point) = (0u64, None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && text.len() > 1 => point = Some(text.len() - 1 - at),
            _ => return None,
        }
    }
    (digits < 1 << 53).then(|| digits as f64 / POWERS[point.unwrap_or(0)])
}

const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// An integer that is a number of seconds until the year 2554, as nanoseconds have room for.
pub fn whole(text: &[u8]) -> Option<u64> {
    let value: u64 = str::from_utf8(text).ok()?.parse().ok()?;
    (value <= u64::MAX / NANOS).then_some(value)
}

/// Nanoseconds in a second.
pub const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_the_standard_library_reads() {
        for text in ["0", "1.", ".5", "007", "9007199254740993", "1e3", "0.1", "123456.789", "1E-2"]
        {
            assert_eq!(double(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in [".", "", "-", "+-1", "1.2.3", "0x10", "1_000", " 1"] {
            assert_eq!(double(text.as_bytes()), None, "{text}");
        }
    }
}
