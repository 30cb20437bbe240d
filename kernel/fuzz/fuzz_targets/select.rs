//! Keeping some items leaves what the official decoder leaves when it removes the others.

#![no_main]

use std::sync::Arc;

use _kernel::select::select;
use fuzzing::{Input, assert_left};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Some(payload) = input.payload() else { return };
    let keep = input.decisions(payload.items());
    if keep.contains(&true) && keep.contains(&false) {
        let left = Arc::new(select(&payload, &keep));
        assert_left(input.signal, &payload, &keep, &[left]);
    }
});
