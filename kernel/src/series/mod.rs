//! Series: which data points are of one, and what is kept of each.

pub mod identity;
pub mod point;
pub mod table;
pub mod value;
