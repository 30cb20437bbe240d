//! Series: which data points are of one, what is kept of each, and the verbs that this makes.

pub mod admission;
pub mod apply;
pub mod budgets;
pub mod differences;
pub mod fold;
pub mod identity;
pub mod levels;
pub mod point;
pub mod sketches;
pub mod table;
pub mod totals;
pub mod value;
pub mod verbs;
