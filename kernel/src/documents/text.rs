//! JSON's texts, numbers and times.

use std::io::Write;

use crate::encoding;

const NANOS: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;
const DAY: u64 = 86_400;

/// A string in quotes.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    loop {
        let plain = plain_len(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(special) = rest.get(plain) else { break };
        escape(out, *special);
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
}

/// How many bytes need no escape, looked at eight at a time.
fn plain_len(text: &[u8]) -> usize {
    let special = |bytes: &[u8]| bytes.iter().position(|byte| is_special(*byte));
    let mut at = 0;
    while let Some(eight) = text[at..].first_chunk::<8>() {
        if may_be_special(u64::from_le_bytes(*eight))
            && let Some(i) = special(eight)
        {
            return at + i;
        }
        at += 8;
    }
    special(&text[at..]).map_or(text.len(), |i| at + i)
}

/// Whether one of eight bytes is special; now and then also where none is.
fn may_be_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let below = |word: u64, limit: u64| word.wrapping_sub(limit * ONES) & !word & HIGH;
    let equal = |byte: u8| below(word ^ (u64::from(byte) * ONES), 1);
    below(word, 0x20) | equal(b'"') | equal(b'\\') != 0
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => out.extend([b'\\', byte]),
        b'\n' => out.extend(b"\\n"),
        b'\r' => out.extend(b"\\r"),
        b'\t' => out.extend(b"\\t"),
        _ => {
            out.extend(b"\\u00");
            encoding::write_hex(out, &[byte]);
        }
    }
}

/// The key of a field of an object that has been begun, and what parts it from its neighbours.
pub fn key(out: &mut Vec<u8>, key: &[u8]) {
    comma(out);
    string(out, key);
    out.push(b':');
}

/// Part what comes from what stands before it, if that is no beginning.
pub fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[' | b':')) {
        out.push(b',');
    }
}

pub fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    encoding::write_hex(out, bytes);
    out.push(b'"');
}

pub fn integer(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("a Vec takes whatever is written");
}

/// With a point or an exponent, so that a field that begins with 1.0 is none of integers. JSON has
/// no other doubles than finite ones.
pub fn double(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        write!(out, "{value:?}").expect("a Vec takes whatever is written");
    } else {
        out.extend(b"null");
    }
}

/// Milliseconds since 1970 with nanoseconds behind the point, as a string: what `date_nanos` reads
/// in the format `epoch_millis`.
pub fn epoch_millis(out: &mut Vec<u8>, nanos: u64) {
    out.push(b'"');
    integer(out, nanos / MILLI);
    out.push(b'.');
    padded(out, nanos % MILLI, 6);
    out.push(b'"');
}

/// RFC 3339 with nanoseconds, in UTC.
pub fn rfc3339(out: &mut Vec<u8>, nanos: u64) {
    let seconds = nanos / NANOS;
    let (year, month, day) = civil(seconds / DAY);
    let time = seconds % DAY;
    let parts = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (time / 3600, 2, b':'),
        (time / 60 % 60, 2, b':'),
        (time % 60, 2, b'.'),
        (nanos % NANOS, 9, b'Z'),
    ];
    out.push(b'"');
    for (value, digits, after) in parts {
        padded(out, value, digits);
        out.push(after);
    }
    out.push(b'"');
}

/// Year, month and day of so many days after 1 January 1970 (Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

fn padded(out: &mut Vec<u8>, mut value: u64, digits: usize) {
    let start = out.len();
    out.resize(start + digits, b'0');
    for place in out[start..].iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_json_wants_them() {
        for text in [
            "",
            "plain",
            "a \"b\" \\ c",
            "\u{0}\u{1f}\n\r\t",
            "ü€😀\u{7f}\u{2028}",
            "0123456789\nabcdef\"g",
        ] {
            let json = written(|out| string(out, text.as_bytes()));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn times_are_written_to_the_nanosecond() {
        let time = 1_705_314_600_000_000_005;
        assert_eq!(written(|out| rfc3339(out, time)), "\"2024-01-15T10:30:00.000000005Z\"");
        assert_eq!(written(|out| epoch_millis(out, time)), "\"1705314600000.000005\"");
        assert_eq!(written(|out| rfc3339(out, 0)), "\"1970-01-01T00:00:00.000000000Z\"");
        let leap = 1_709_164_800 * NANOS;
        assert_eq!(written(|out| rfc3339(out, leap)), "\"2024-02-29T00:00:00.000000000Z\"");
        assert_eq!(written(|out| rfc3339(out, u64::MAX)), "\"2554-07-21T23:34:33.709551615Z\"");
    }

    #[test]
    fn doubles_keep_their_point_and_others_than_finite_ones_are_null() {
        let json = |value| written(|out| double(out, value));
        assert_eq!(
            ["1.0", "0.1", "1e300", "null"],
            [1.0, 0.1, 1e300, f64::NAN].map(json).as_slice()
        );
    }
}
