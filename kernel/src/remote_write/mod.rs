//! Prometheus remote write, versions 1 and 2: requests that were received as OTLP, and OTLP as
//! requests. What things are called is decided outside.

pub mod draft;
pub mod labels;
pub mod messages;
pub mod native;
pub mod otlp;
pub mod outgoing;
pub mod plan;
pub mod points;
pub mod python;
pub mod read;
pub mod requests;
pub mod series;
pub mod snappy;
pub mod sparse;
