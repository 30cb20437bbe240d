//! When an entry was, by a field of it.

use ahash::HashMap;
use serde::Deserialize;

use super::entry::Entry;
use super::field::{Fault, Field, MISSING};
use super::value::Value;

#[derive(Deserialize)]
pub struct Time {
    parse_from: Field,
    layout: Layout,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Nanoseconds of a unit, and whether a fraction follows it; of how many nanoseconds.
    Epoch(i64, Option<i64>),
    Pieces(Pieces),
}

/// A text in parts that are known.
#[derive(Deserialize)]
pub struct Pieces {
    #[serde(rename = "pieces")]
    order: Vec<Piece>,
    /// From when on, in Unix seconds, it is how many seconds later than UTC where nothing says it.
    zone: Vec<(i64, i64)>,
    /// The same by names of zones.
    names: HashMap<String, i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Text(String),
    /// A directive of strptime.
    Part(char),
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// How far ahead a time without a year may be, before it is of the last one.
const AHEAD: i64 = 7 * DAY;

impl Time {
    /// `now` is in Unix nanoseconds.
    pub fn apply(&self, entry: &mut Entry, now: u64) -> Result<(), Fault> {
        let time = {
            let value = self.parse_from.get(entry).ok_or(MISSING)?;
            match &self.layout {
                Layout::Epoch(unit, fraction) => epoch(&value, *unit, *fraction),
                Layout::Pieces(pieces) => match value.as_ref() {
                    Value::Text(text) => pieces.read(text, now),
                    Value::Bytes(bytes) => {
                        str::from_utf8(bytes).ok().and_then(|text| pieces.read(text, now))
                    }
                    _ => None,
                },
            }
        };
        entry.time = time.ok_or("it is no time in that layout")?;
        Ok(())
    }
}

fn epoch(value: &Value, unit: i64, fraction: Option<i64>) -> Option<u64> {
    let text = match value {
        Value::Int(value) => return whole(*value, unit),
        Value::Double(value) => {
            let precise = fraction.is_some();
            let value = if precise { *value } else { value.trunc() };
            let nanoseconds = (value * unit as f64).round();
            return (0.0..1.8e19).contains(&nanoseconds).then_some(nanoseconds as u64);
        }
        Value::Text(text) => text.as_ref(),
        Value::Bytes(bytes) => str::from_utf8(bytes).ok()?,
        _ => return None,
    };
    let Some(smallest) = fraction else { return whole(text.parse().ok()?, unit) };
    let (seconds, rest) = text.split_once('.')?;
    let rest: i64 = rest.parse().ok().filter(|rest| *rest >= 0)?;
    whole(seconds.parse().ok()?, unit)?.checked_add(whole(rest, smallest)?)
}

fn whole(value: i64, unit: i64) -> Option<u64> {
    u64::try_from(value).ok()?.checked_mul(unit.cast_unsigned())
}

/// What has been read of a time.
#[derive(Default)]
struct Moment {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: i64,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    nanosecond: i64,
    offset: Option<i64>,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

struct Reader<'t> {
    rest: &'t str,
}

impl Pieces {
    pub fn in_utc(order: Vec<Piece>) -> Self {
        Self { order, zone: Vec::new(), names: HashMap::default() }
    }

    /// Nanoseconds since 1970, if that is what the text says.
    pub fn read(&self, text: &str, now: u64) -> Option<u64> {
        let mut reader = Reader { rest: text };
        let mut moment = Moment::default();
        let mut pieces = self.order.iter().peekable();
        while let Some(piece) = pieces.next() {
            match (piece, pieces.peek()) {
                // What comes before a fraction, which may be left out, is a point or a comma.
                (Piece::Text(text), Some(Piece::Part('L' | 'f' | 's')))
                    if text.ends_with(['.', ',']) =>
                {
                    reader.text(&text[..text.len() - 1])?;
                    moment.nanosecond = reader.fraction();
                    pieces.next();
                }
                (Piece::Text(text), _) => reader.text(text)?,
                (Piece::Part('S'), next) => {
                    moment.second = reader.digits(2, 2)?;
                    if !next.is_some_and(|piece| piece.begins_fraction()) {
                        moment.nanosecond = reader.fraction();
                    }
                }
                (Piece::Part(directive), _) => {
                    self.part(*directive, &mut reader, &mut moment)?;
                }
            }
        }
        reader.rest.is_empty().then(|| self.time(&moment, now))?
    }

    fn part(&self, directive: char, reader: &mut Reader, moment: &mut Moment) -> Option<()> {
        match directive {
            'Y' => moment.year = Some(reader.digits(4, 4)?),
            'y' => {
                let year = reader.digits(2, 2)?;
                moment.year = Some(year + if year >= 69 { 1900 } else { 2000 });
            }
            'm' => moment.month = Some(reader.digits(2, 2)?),
            'q' => moment.month = Some(reader.digits(1, 2)?),
            'o' => moment.month = Some(reader.padded()?),
            'b' => moment.month = Some(reader.month(3)?),
            'B' => moment.month = Some(reader.month(9)?),
            'd' => moment.day = Some(reader.digits(2, 2)?),
            'g' => moment.day = Some(reader.digits(1, 2)?),
            'e' => moment.day = Some(reader.padded()?),
            'a' => reader.letters(3, 3).map(drop)?,
            'A' => reader.letters(6, 9).map(drop)?,
            'H' | 'I' => moment.hour = reader.digits(2, 2)?,
            'l' => moment.hour = reader.digits(1, 2)?,
            'p' | 'P' => moment.afternoon = Some(reader.half()?),
            'M' => moment.minute = reader.digits(2, 2)?,
            'L' | 'f' | 's' => moment.nanosecond = reader.nanoseconds()?,
            'z' => moment.offset = Some(reader.offset(&[2, 2], false)?),
            'j' => moment.offset = Some(reader.offset(&[2, 2], true)?),
            'i' => moment.offset = Some(reader.offset(&[2], false)?),
            'k' => moment.offset = Some(reader.offset(&[2, 2, 2], true)?),
            'w' => moment.offset = Some(reader.offset(&[2, 2, 2], false)?),
            'Z' => moment.offset = Some(*self.names.get(reader.zone()?)?),
            _ => return None,
        }
        Some(())
    }

    fn time(&self, moment: &Moment, now: u64) -> Option<u64> {
        if let Some(year) = moment.year {
            return nanoseconds(self.seconds(moment, year)?, moment.nanosecond);
        }
        let now = (now / SECOND.cast_unsigned()).cast_signed();
        let year = civil_year(now);
        let seconds = self.seconds(moment, year)?;
        let seconds = if seconds > now + AHEAD { self.seconds(moment, year - 1)? } else { seconds };
        nanoseconds(seconds, moment.nanosecond)
    }

    fn seconds(&self, moment: &Moment, year: i64) -> Option<i64> {
        let (month, day) = (moment.month.unwrap_or(1), moment.day.unwrap_or(1));
        let hour = match moment.afternoon {
            Some(_) if moment.hour > 12 => return None,
            Some(afternoon) => moment.hour % 12 + if afternoon { 12 } else { 0 },
            None => moment.hour,
        };
        let valid = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && moment.minute < 60
            && moment.second < 60;
        let local = days(year, month, day) * DAY + hour * 3600 + moment.minute * 60 + moment.second;
        valid.then(|| local - moment.offset.unwrap_or_else(|| self.offset_at(local)))
    }

    /// How much later it is than UTC, at a local time.
    fn offset_at(&self, local: i64) -> i64 {
        let at = |time: i64| {
            let after = self.zone.partition_point(|(from, _)| *from <= time);
            self.zone.get(after.saturating_sub(1)).map_or(0, |(_, offset)| *offset)
        };
        at(local - at(local))
    }
}

impl Piece {
    fn begins_fraction(&self) -> bool {
        match self {
            Self::Text(text) => text.starts_with(['.', ',']),
            Self::Part(_) => false,
        }
    }
}

fn nanoseconds(seconds: i64, nanosecond: i64) -> Option<u64> {
    let whole = seconds.checked_mul(SECOND)?.checked_add(nanosecond)?;
    u64::try_from(whole).ok()
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to a date of the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_year(seconds: i64) -> i64 {
    let mut year = 1970 + seconds / YEAR;
    while days(year, 1, 1) * DAY > seconds {
        year -= 1;
    }
    year
}

impl<'t> Reader<'t> {
    fn text(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// As many characters as fit, at least and at most so many. They are ASCII.
    fn take(&mut self, least: usize, most: usize, fits: impl Fn(u8) -> bool) -> Option<&'t str> {
        let len = self.rest.bytes().take(most).take_while(|byte| fits(*byte)).count();
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        (len >= least).then_some(taken)
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        self.take(least, most, |byte| byte.is_ascii_digit())?.parse().ok()
    }

    /// One or two digits, perhaps after a blank.
    fn padded(&mut self) -> Option<i64> {
        match self.rest.strip_prefix(' ') {
            Some(rest) => {
                self.rest = rest;
                self.digits(1, 1)
            }
            None => self.digits(1, 2),
        }
    }

    fn letters(&mut self, least: usize, most: usize) -> Option<&'t str> {
        self.take(least, most, |byte| byte.is_ascii_alphabetic())
    }

    fn month(&mut self, most: usize) -> Option<i64> {
        let name = self.letters(3, most)?;
        let is = |month: &&str| {
            name.eq_ignore_ascii_case(month) || name.eq_ignore_ascii_case(&month[..3])
        };
        MONTHS.iter().position(is).map(|month| month as i64 + 1)
    }

    /// Whether it is after noon.
    fn half(&mut self) -> Option<bool> {
        match self.letters(2, 2)?.to_ascii_lowercase().as_str() {
            "am" => Some(false),
            "pm" => Some(true),
            _ => None,
        }
    }

    /// A fraction of a second after a point or a comma, if there is one.
    fn fraction(&mut self) -> i64 {
        let digits = self.rest.strip_prefix(['.', ',']);
        let Some(rest) = digits.filter(|it| it.starts_with(|c: char| c.is_ascii_digit())) else {
            return 0;
        };
        self.rest = rest;
        self.nanoseconds().unwrap_or(0)
    }

    fn nanoseconds(&mut self) -> Option<i64> {
        let digits = self.take(1, 9, |byte| byte.is_ascii_digit())?;
        self.take(0, usize::MAX, |byte| byte.is_ascii_digit());
        Some(digits.parse::<i64>().ok()? * 10_i64.pow(9 - digits.len() as u32))
    }

    fn zone(&mut self) -> Option<&'t str> {
        self.take(1, 6, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'))
    }

    /// `Z`, or a sign and numbers of so many digits, with colons between them.
    fn offset(&mut self, parts: &[usize], colons: bool) -> Option<i64> {
        if self.text("Z").is_some() {
            return Some(0);
        }
        let later = self.take(1, 1, |byte| matches!(byte, b'+' | b'-'))? == "+";
        let mut seconds = 0;
        for (i, len) in parts.iter().enumerate() {
            if i > 0 && colons {
                self.text(":")?;
            }
            let number = self.digits(*len, *len).filter(|number| *number < 60)?;
            seconds += number * 60_i64.pow(2 - i as u32);
        }
        Some(if later { seconds } else { -seconds })
    }
}
