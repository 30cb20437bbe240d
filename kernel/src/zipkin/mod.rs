//! Spans of Zipkin's API v2, in JSON and in protobuf: a message is a list of spans.

pub mod events;
pub mod from_otlp;
pub mod json;
pub mod model;
pub mod names;
pub mod protobuf;
pub mod to_otlp;
