//! Which trace an entry belongs to, by fields of it.

use serde::Deserialize;

use super::entry::Entry;
use super::field::{Fault, Field};
use crate::encoding;

#[derive(Deserialize)]
pub struct Identifiers {
    #[serde(rename = "trace_id")]
    trace: Field,
    #[serde(rename = "span_id")]
    span: Field,
    #[serde(rename = "trace_flags")]
    flags: Field,
}

impl Identifiers {
    /// Fields that are not there say nothing.
    pub fn apply(&self, entry: &mut Entry) -> Result<(), Fault> {
        if let Some(id) = hex(&self.trace, entry, 16)? {
            entry.trace_id = id;
        }
        if let Some(id) = hex(&self.span, entry, 8)? {
            entry.span_id = id;
        }
        if let Some(flags) = hex(&self.flags, entry, 1)? {
            entry.flags = u32::from(flags[0]);
        }
        Ok(())
    }
}

fn hex(field: &Field, entry: &Entry, len: usize) -> Result<Option<Vec<u8>>, Fault> {
    let Some(value) = field.get(entry) else { return Ok(None) };
    let bytes = value.text().and_then(encoding::hex).filter(|bytes| bytes.len() == len);
    bytes.map(Some).ok_or_else(|| format!("expected {} hex digits", 2 * len).into())
}
