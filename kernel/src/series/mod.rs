//! Series: which data points are of one, what is kept of each, and the verbs that this makes.

pub mod admission;
pub mod apply;
pub mod bodies;
pub mod budgets;
pub mod combine;
mod content;
pub mod differences;
pub mod distinct;
pub mod exponential;
pub mod fold;
pub mod gauges;
pub mod histogram;
pub mod identity;
pub mod levels;
pub mod point;
pub mod points;
pub mod scale;
pub mod sequence;
pub mod sketches;
pub mod stale;
pub mod table;
pub mod totals;
pub mod value;
pub mod verbs;
