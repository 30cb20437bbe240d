//! Times as people and their programs write them, in Unix nanoseconds.

const SECOND: i128 = 1_000_000_000;

/// The nanoseconds of a time before which there is none in OTLP, and after which none fits.
fn nanoseconds(value: i128) -> Option<u64> {
    u64::try_from(value).ok().filter(|it| i64::try_from(*it).is_ok())
}

/// Of an RFC 3339 text: `2026-11-21T22:40:00.5Z`, `2026-11-21T23:40:00+01:00`.
pub fn rfc3339(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| digits(bytes.get(from..to)?);
    let is = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let separated = [(4, &b"-"[..]), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")];
    if !separated.iter().all(|(at, any)| is(*at, any)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // A leap second is the first second of the next minute, as in Unix time.
    if day == 0 || day > days_in(year, month)? || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = fraction(&text[19..])?;
    let seconds =
        ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - offset(zone)?;
    nanoseconds(i128::from(seconds) * SECOND + i128::from(fraction))
}

/// Of Unix seconds as JSON writes a number, with all of its digits.
pub fn unix_seconds(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if let (Ok(whole), true) = (whole.parse::<i64>(), is_digits(rest)) {
        return nanoseconds(i128::from(whole) * SECOND + i128::from(scaled(rest)));
    }
    let seconds: f64 = text.parse().ok()?; // it has an exponent
    nanoseconds((seconds * SECOND as f64) as i128)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let text = str::from_utf8(bytes).ok().filter(|text| is_digits(text))?;
    text.parse().ok()
}

/// The nanoseconds of the digits behind a point; those that are finer are left out.
fn scaled(digits: &str) -> i64 {
    let digits = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    digits.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
}

/// Of what follows the seconds: the nanoseconds, and the zone.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(rest) = rest.strip_prefix('.') else { return Some((0, rest)) };
    let end = rest.find(|char: char| !char.is_ascii_digit())?;
    (end > 0).then(|| (scaled(&rest[..end]), &rest[end..]))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if let "Z" | "z" = zone {
        return Some(0);
    }
    let bytes = zone.as_bytes();
    let sign = match bytes {
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes) = (digits(&bytes[1..3])?, digits(&bytes[4..])?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    })
}

/// Days since 1970, by years that begin in March, so that a leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::{rfc3339, unix_seconds};

    #[test]
    fn times_of_every_form_are_unix_nanoseconds() {
        let expected = Some(1_700_000_000_500_000_000);
        assert_eq!(rfc3339("2023-11-14T22:13:20.5Z"), expected);
        assert_eq!(rfc3339("2023-11-14 23:13:20.500+01:00"), expected);
        assert_eq!(unix_seconds("1700000000.5"), expected);
        assert_eq!(unix_seconds("1.7000000005e9"), expected);
        assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(rfc3339("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000_000));
        assert_eq!(unix_seconds("1700000000.123456789"), Some(1_700_000_000_123_456_789));
    }

    #[test]
    fn what_is_no_time_is_none() {
        let texts =
            ["", "2023", "2023-02-29T00:00:00Z", "2023-11-14T22:13:20", "1969-12-31T00:00:00Z"];
        for text in texts.into_iter().chain(["2023-11-14T24:00:00Z", "2023-11-14T22:13:20.Z", "é"])
        {
            assert_eq!(rfc3339(text), None, "{text}");
        }
        assert_eq!(["-1", "1e30", "99999999999999", "1.-5"].map(unix_seconds), [None; 4]);
    }
}
