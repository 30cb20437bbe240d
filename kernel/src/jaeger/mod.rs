//! Spans of Jaeger (`model.proto` of its API v2): a message is one span with its process.

pub mod json;
pub mod read;
pub mod schema;
pub mod status;
pub mod tags;
pub mod write;
