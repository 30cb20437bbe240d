//! Whatever a back end answers to a bulk request, it is read or it is none: a status for each document,
//! and few reasons.

#![no_main]

use _kernel::documents::answer::read;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some(outcomes) = read(data) else { return };
    let Ok(answer) = serde_json::from_slice::<Value>(data) else { return }; // skipped text may be bad
    let items = answer.get("items").and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!(outcomes.statuses.len(), items);
    assert!(outcomes.reasons.len() <= 16);
    for (i, (status, kind, reason)) in outcomes.reasons.iter().enumerate() {
        assert!(outcomes.statuses.contains(status));
        assert!(kind.len() + reason.len() <= data.len());
        assert!(outcomes.reasons[..i].iter().all(|(own, other, _)| (own, other) != (status, kind)));
    }
});
