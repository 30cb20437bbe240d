//! Influx' line protocol: its lines, and the data points that they are.

mod line;
mod points;
mod value;

pub use points::{Options, Outcome, read};
