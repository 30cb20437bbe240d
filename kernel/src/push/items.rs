//! Items of JSON as a request of OTLP's.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::any::attributes;
use super::documents::{Framing, each};
use super::faults::Faults;
use super::metrics::write_metric;
use super::records::write_record;
use super::time::{rfc3339, unix_seconds};
use super::tree::{Origin, Tree};
use crate::schema::{LOGS, METRICS, Signal};
use crate::wire::{Malformed, Result};

/// What the items of a request are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Metrics,
    Logs,
    /// Log records that have a name.
    Events,
}

/// What all items have from outside.
pub struct Around<'a> {
    /// The body of the scope.
    pub scope: &'a [u8],
    /// Unix nanoseconds.
    pub now: u64,
}

impl Sort {
    pub const ALL: [(&str, Self); 3] =
        [("metrics", Self::Metrics), ("logs", Self::Logs), ("events", Self::Events)];

    pub fn signal(self) -> &'static Signal {
        if self == Self::Metrics { &METRICS } else { &LOGS }
    }
}

/// Read a body: what its items are, and those that make no sense by their position.
pub fn read(sort: Sort, body: &[u8], framing: Framing, around: &Around) -> Result<(Tree, Faults)> {
    let text = simdutf8::compat::from_utf8(body).map_err(|error| Malformed {
        offset: error.valid_up_to(),
        reason: "the text is not valid UTF-8",
    })?;
    let (mut tree, mut faults, mut position) = (Tree::default(), Faults::default(), 0);
    each(text, framing, |item| {
        if let Err(error) = one(sort, item, around, &mut tree) {
            faults.add(position, || reason(&error));
        }
        position += 1;
    })?;
    Ok((tree, faults))
}

fn one(sort: Sort, item: &str, around: &Around, tree: &mut Tree) -> serde_json::Result<()> {
    if !item.starts_with('{') {
        return Err(fault("expected an object")); // serde would take a list of its values
    }
    match sort {
        Sort::Metrics => write_metric(item, around, tree),
        Sort::Logs | Sort::Events => write_record(item, sort == Sort::Events, around, tree),
    }
}

/// What is wrong with an item, without its place there: lines and columns are of the item.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

pub fn fault(reason: &str) -> serde_json::Error {
    serde::de::Error::custom(reason)
}

/// The place of an item's resource among all.
pub fn origin(
    tree: &mut Tree,
    around: &Around,
    resource: Option<&RawValue>,
) -> serde_json::Result<u32> {
    let mut body = Vec::new();
    if let Some(resource) = resource {
        attributes(&mut body, 1, resource)?;
    }
    Ok(tree.origin(Origin { resource: body, scope: around.scope.to_vec() }))
}

/// Unix nanoseconds of a time in RFC 3339 or in Unix seconds.
pub fn time(value: &RawValue) -> serde_json::Result<u64> {
    let text = value.get();
    let found = if text.starts_with('"') {
        rfc3339(&String::deserialize(value)?)
    } else {
        unix_seconds(text)
    };
    found.ok_or_else(|| fault("expected a time in RFC 3339 or in Unix seconds, from 1970 to 2262"))
}
