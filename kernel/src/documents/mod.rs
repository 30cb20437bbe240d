//! Items as documents of Elasticsearch: bodies of its bulk API, written straight from the wire.
//!
//! Where each document goes is decided before, by routes; how it looks is its route's mode.

pub mod answer;
pub mod bulk;
pub mod ecs;
pub mod fields;
pub mod flat;
pub mod histogram;
pub mod legacy;
pub mod otel;
pub mod parents;
pub mod points;
pub mod python;
pub mod route;
pub mod text;
pub mod value;
