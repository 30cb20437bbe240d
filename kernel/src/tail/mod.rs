//! Files of logs: what was appended is split into entries, operators make something of those, and
//! log records are written.

pub mod encoding;
pub mod entry;
pub mod file;
pub mod python;
pub mod read_json;
pub mod records;
pub mod rules;
pub mod source;
pub mod split;
pub mod value;
pub mod write;
