//! Files of logs: what was appended is split into entries, operators make something of those, and
//! log records are written.

pub mod container;
pub mod csv;
pub mod encoding;
pub mod entry;
pub mod expr;
pub mod field;
pub mod file;
pub mod pairs;
pub mod parse;
pub mod program;
pub mod python;
pub mod read_json;
pub mod recombine;
pub mod records;
pub mod rules;
pub mod severity;
pub mod source;
pub mod split;
pub mod time;
pub mod trace;
pub mod value;
pub mod write;
