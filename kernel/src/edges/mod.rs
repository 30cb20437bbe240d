//! Calls between services: the spans of their two sides come in any order, in different batches, or
//! never. What is known of one side waits here for the other.

pub mod calls;
pub mod half;
pub mod python;
pub mod read;
pub mod sides;
pub mod span;
pub mod store;
pub mod turns;
