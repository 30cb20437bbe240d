//! OTLP/JSON (the OTLP specification, "JSON Protobuf Encoding"): protobuf's JSON mapping, but ids
//! are hex, enums are integers only and names are lowerCamelCase only.

mod read;
mod target;
mod value;
mod write;

pub use read::from_json;
pub use write::to_json;
