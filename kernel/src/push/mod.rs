//! What clients push over HTTP, as OTLP: documents of JSON, the lines of Influx, and webhooks. A
//! piece that makes no sense is a fault with its place, and the rest goes on.

pub mod any;
pub mod documents;
pub mod faults;
pub mod influx;
pub mod items;
pub mod metrics;
pub mod python;
pub mod records;
pub mod time;
pub mod tree;
