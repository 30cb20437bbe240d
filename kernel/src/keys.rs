//! The keys that occur in attributes.

use std::sync::Arc;

use ahash::{HashMap, HashSet};

use crate::column::each;
use crate::key::with_key;
use crate::lookup::Found;
use crate::path::{Path, Source, Step};
use crate::payload::Payload;

/// The distinct keys of the attributes at `path`, in order of first appearance; `None` if there are
/// no attributes.
pub fn keys(payloads: &[Arc<Payload>], path: &Path) -> Option<Vec<String>> {
    let mut known = HashSet::default();
    let mut keys = Vec::new();
    each_key(payloads, path, |_, key| {
        if !known.contains(key) {
            known.insert(key.to_vec());
            keys.push(String::from_utf8_lossy(key).into_owned());
        }
    })?;
    Some(keys)
}

/// Whether a key occurs twice in the attributes at `path` of any message; `None` if there are none.
pub fn repeats(payloads: &[Arc<Payload>], path: &Path) -> Option<bool> {
    let mut last: HashMap<Vec<u8>, usize> = HashMap::default();
    let mut repeated = false;
    each_key(payloads, path, |message, key| match last.get_mut(key) {
        Some(seen) => {
            repeated |= *seen == message;
            *seen = message;
        }
        None => {
            last.insert(key.to_vec(), message);
        }
    })?;
    Some(repeated)
}

/// Tell `note` of every key, with the number of the message that it is in.
fn each_key(
    payloads: &[Arc<Payload>],
    path: &Path,
    mut note: impl FnMut(usize, &[u8]),
) -> Option<()> {
    let Source::Steps(starts) = &path.source else { return None };
    let holds = |step: Option<&Step>| matches!(step, Some(Step::Field(field)) if field.pairs);
    if !starts.iter().all(|(_, steps)| holds(steps.last())) {
        return None;
    }
    let mut message = 0;
    for payload in payloads {
        each(payload, path, |found| {
            message += 1;
            if let Found::Repeated(_, pairs) = found {
                for pair in &pairs {
                    with_key(pair, |key| note(message, key));
                }
            }
        });
    }
    Some(())
}
