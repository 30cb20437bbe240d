//! One entry of a log, as operators see it.

use super::value::{Map, Text, Value};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry<'a> {
    pub body: Value<'a>,
    pub attributes: Map<'a>,
    pub resource: Map<'a>,
    /// Unix nanoseconds, 0 if unknown.
    pub time: u64,
    pub severity: u8,
    pub severity_text: Text<'a>,
    pub trace_id: Vec<u8>,
    pub span_id: Vec<u8>,
    pub flags: u32,
    /// Where in its file it begins.
    pub offset: u64,
    /// How many entries come before it there.
    pub number: u64,
}

impl Entry<'_> {
    /// The same, for longer than the text it is from.
    pub fn into_owned(self) -> Entry<'static> {
        Entry {
            body: self.body.into_owned(),
            attributes: self.attributes.into_owned(),
            resource: self.resource.into_owned(),
            time: self.time,
            severity: self.severity,
            severity_text: self.severity_text.into_owned().into(),
            trace_id: self.trace_id,
            span_id: self.span_id,
            flags: self.flags,
            offset: self.offset,
            number: self.number,
        }
    }
}
