//! What a series is called and what it has come to in a window.

use std::sync::Arc;

use super::line::{Kind, Line};
use super::observer::Observer;
use super::samples::Samples;
use crate::schema::{
    EXPONENTIAL_HISTOGRAM_DATA_POINT, HISTOGRAM_DATA_POINT, Message, NUMBER_DATA_POINT,
    SUMMARY_DATA_POINT,
};
use crate::series::distinct::{Distinct, Room};
use crate::series::exponential::Exponential;
use crate::series::histogram::Histogram;

/// Values of a set that are counted exactly, those of most sets, in 8 KiB; and of others to 3 %.
const SET: Room = Room { exact: 1024, bits: 10 };

/// What is told of a series whatever comes, in little room: there are many.
#[derive(Debug)]
pub struct About {
    /// The name, and behind it the attributes.
    said: Box<[u8]>,
    name_len: u32,
    /// Whether it stands for series that are too many.
    pub overflow: bool,
    pub form: Arc<Form>,
    /// When its values were, in Unix nanoseconds; 0 for whenever they come.
    pub time: u64,
}

impl About {
    /// `attributes` are as the data points of the form have them.
    pub fn new(name: &str, attributes: &[u8], form: Arc<Form>, time: u64, overflow: bool) -> Self {
        let said = [name.as_bytes(), attributes].concat().into_boxed_slice();
        Self { said, name_len: name.len() as u32, overflow, form, time }
    }

    pub fn name(&self) -> &[u8] {
        &self.said[..self.name_len as usize]
    }

    pub fn attributes(&self) -> &[u8] {
        &self.said[self.name_len as usize..]
    }
}

/// How the values of a series are put together.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    Sum,
    Gauge,
    /// A gauge of how many distinct values there were.
    Set,
    /// Gauges, a point for each value.
    Observed,
    Summary(Arc<[f64]>),
    Histogram(Arc<[f64]>),
    Exponential(usize),
}

impl Form {
    /// `None` where nothing is to be told.
    pub fn of(kind: Kind, name: &str, observer: &Observer) -> Option<Self> {
        Some(match (kind, observer) {
            (Kind::Counter, _) => Self::Sum,
            (Kind::Gauge, _) => Self::Gauge,
            (Kind::Set, _) => Self::Set,
            (_, Observer::Gauge) => Self::Observed,
            (_, Observer::Summary(percentiles)) => Self::Summary(Arc::clone(percentiles)),
            (_, Observer::Histogram(histograms)) => match histograms.bounds(name) {
                Some(bounds) => Self::Histogram(bounds),
                None => Self::Exponential(histograms.max_size),
            },
            (_, Observer::Disabled) => return None,
        })
    }

    /// The data points, and the number of their attributes.
    pub fn point(&self) -> (&'static Message, u32) {
        match self {
            Self::Summary(_) => (&SUMMARY_DATA_POINT, 7),
            Self::Histogram(_) => (&HISTOGRAM_DATA_POINT, 9),
            Self::Exponential(_) => (&EXPONENTIAL_HISTOGRAM_DATA_POINT, 1),
            _ => (&NUMBER_DATA_POINT, 7),
        }
    }

    /// The number of the metric's field that holds its data: metrics that have the same one are of
    /// one type.
    pub fn data(&self) -> u32 {
        match self {
            Self::Gauge | Self::Set | Self::Observed => 5,
            Self::Sum => 7,
            Self::Histogram(_) => 9,
            Self::Exponential(_) => 10,
            Self::Summary(_) => 11,
        }
    }

    /// A number of its own, in identities.
    pub fn tag(&self) -> u8 {
        match self {
            Self::Sum => 0,
            Self::Gauge => 1,
            Self::Set => 2,
            Self::Observed => 3,
            Self::Summary(_) => 4,
            Self::Histogram(_) => 5,
            Self::Exponential(_) => 6,
        }
    }

    /// Whether series can be put together: of gauges there is only one that came last.
    pub fn adds_up(&self) -> bool {
        !matches!(self, Self::Gauge | Self::Observed)
    }

    fn nothing(&self) -> Held {
        match self {
            Self::Sum | Self::Gauge => Held::Number(0.0),
            Self::Set => Held::Set(Box::default()),
            Self::Observed => Held::Observed(Box::default()),
            Self::Summary(_) => Held::Summary(Box::default()),
            Self::Histogram(bounds) => Held::Histogram(Box::new(Histogram::between(bounds))),
            Self::Exponential(_) => Held::Exponential(Box::default()),
        }
    }
}

/// What the values of a window came to.
#[derive(Clone, Debug, Default)]
pub enum Held {
    #[default]
    Nothing,
    Number(f64),
    Set(Box<Distinct>),
    /// Values with their times.
    Observed(Box<Vec<(f64, u64)>>),
    Summary(Box<Samples>),
    Histogram(Box<Histogram>),
    Exponential(Box<Exponential>),
}

impl Held {
    /// Add the values of a line, multiplied by `scale`.
    pub fn add(&mut self, line: &Line, form: &Form, scale: f64, now: u64) {
        if matches!(self, Self::Nothing) {
            *self = form.nothing();
        }
        if let Self::Set(distinct) = self {
            distinct.add(xxhash_rust::xxh3::xxh3_64(line.values), SET);
            return;
        }
        let count = line.weight.round() as u64;
        for number in line.numbers() {
            let value = number.value * scale;
            match (&mut *self, form) {
                (Self::Number(last), Form::Gauge) if !number.relative => *last = value,
                (Self::Number(last), Form::Gauge) => *last += value,
                (Self::Number(sum), _) => *sum += value * line.weight,
                (Self::Observed(values), _) => values.push((value, now)),
                (Self::Summary(samples), _) => samples.add(value, line.weight),
                (Self::Histogram(histogram), _) => histogram.observe(value, count),
                (Self::Exponential(it), Form::Exponential(size)) => it.observe(value, count, *size),
                _ => {}
            }
        }
    }
}
