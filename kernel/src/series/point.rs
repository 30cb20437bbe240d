//! Data points between their bytes and what is computed of them.

use std::ptr;

use super::content::{fixed, varint};
use super::value::Value;
use crate::schema::{
    EXPONENTIAL_HISTOGRAM_DATA_POINT, HISTOGRAM_DATA_POINT, Message, NUMBER_DATA_POINT,
};
use crate::wire::{FIXED64, Fields, VARINT};

/// When a data point is from, and what it holds. Times are Unix nanoseconds, 0 for unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    pub start: u64,
    pub time: u64,
    pub flags: u32,
    pub value: Value,
}

/// The flag of a point that says that its series has no value any more.
pub const NO_RECORDED_VALUE: u32 = 1;

const START: u32 = 2;
const TIME: u32 = 3;

impl Point {
    pub fn has_no_value(&self) -> bool {
        self.flags & NO_RECORDED_VALUE != 0 || self.value == Value::Absent
    }

    /// Whether it is of a gauge or a sum.
    pub fn is_number(&self) -> bool {
        matches!(self.value, Value::Absent | Value::Int(_) | Value::Double(_))
    }

    /// Read a point that has been checked.
    pub fn read(message: &'static Message, body: &[u8]) -> Self {
        let shape = Shape::of(message);
        let mut point = Self { value: shape.empty(), ..Self::default() };
        for field in Fields::new(body) {
            let data = &body[field.body..field.end];
            match (field.number, field.wire_type) {
                (START, FIXED64) => point.start = field.fixed(body),
                (TIME, FIXED64) => point.time = field.fixed(body),
                (number, VARINT) if number == shape.flags() => {
                    point.flags = field.varint(body) as u32;
                }
                _ => point.value.read(&field, data),
            }
        }
        point
    }

    /// Write the point in the place of another one, whose attributes and exemplars it has.
    pub fn write(&self, out: &mut Vec<u8>, message: &'static Message, other: &[u8]) {
        let shape = Shape::of(message);
        for field in Fields::new(other) {
            let kept = message
                .field(field.number)
                .is_none_or(|field| field.name == "attributes" || field.name == "exemplars");
            if kept {
                out.extend_from_slice(&other[field.tag..field.end]);
            }
        }
        fixed(out, START, self.start);
        fixed(out, TIME, self.time);
        if self.flags != 0 {
            varint(out, shape.flags(), u64::from(self.flags));
        }
        self.value.write(out);
    }
}

/// The types of data points.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Number,
    Histogram,
    Exponential,
    Summary,
}

impl Shape {
    fn of(message: &'static Message) -> Self {
        let is = |other: &'static Message| ptr::eq(message, other);
        if is(&NUMBER_DATA_POINT) {
            Self::Number
        } else if is(&HISTOGRAM_DATA_POINT) {
            Self::Histogram
        } else if is(&EXPONENTIAL_HISTOGRAM_DATA_POINT) {
            Self::Exponential
        } else {
            Self::Summary
        }
    }

    fn empty(self) -> Value {
        match self {
            Self::Number => Value::Absent,
            Self::Histogram => Value::Histogram(Box::default()),
            Self::Exponential => Value::Exponential(Box::default()),
            Self::Summary => Value::Summary(Box::default()),
        }
    }

    fn flags(self) -> u32 {
        match self {
            Self::Number | Self::Summary => 8,
            Self::Histogram | Self::Exponential => 10,
        }
    }
}
