//! The keys that occur in attributes.

use std::sync::Arc;

use ahash::HashSet;

use crate::column::each;
use crate::lookup::{Found, with_key};
use crate::path::{Path, Source, Step};
use crate::payload::Payload;

/// The distinct keys of the attributes at `path`, in order of first appearance; `None` if there are
/// no attributes.
pub fn keys(payloads: &[Arc<Payload>], path: &Path) -> Option<Vec<String>> {
    let Source::Steps(starts) = &path.source else { return None };
    let holds = |step: Option<&Step>| matches!(step, Some(Step::Field(field)) if field.pairs);
    if !starts.iter().all(|(_, steps)| holds(steps.last())) {
        return None;
    }
    let mut known = HashSet::default();
    let mut keys = Vec::new();
    let mut note = |pair: &[u8]| {
        with_key(pair, |key| {
            if !known.contains(key) {
                known.insert(key.to_vec());
                keys.push(String::from_utf8_lossy(key).into_owned());
            }
        });
    };
    for payload in payloads {
        each(payload, path, |found| {
            if let Found::Repeated(_, pairs) = found {
                for pair in &pairs {
                    note(pair);
                }
            }
        });
    }
    Some(keys)
}
