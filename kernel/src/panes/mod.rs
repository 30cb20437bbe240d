//! What is added up by key and pane of time: counts, sums, histograms, sketches. Bounded, saved and
//! taken back, and written as OTLP.

mod busy;
pub mod content;
mod counts;
mod distinct;
pub mod exemplars;
mod exponential;
mod histogram;
mod idle;
pub mod input;
mod kept;
pub mod keys;
pub mod labels;
mod numbers;
pub mod pairs;
pub mod python;
mod record;
pub mod results;
pub mod rows;
mod saved;
pub mod shape;
mod shared;
mod sketch;
pub mod store;
mod tally;
pub mod waiting;
pub mod write;
