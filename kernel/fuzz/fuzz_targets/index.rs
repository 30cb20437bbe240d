//! The index takes what the official decoder takes, and finds as many items.

#![no_main]

use fuzzing::{Input, Oracle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let found = input.payload().map(|payload| payload.items());
    assert_eq!(found, Oracle::get().count(input.signal, input.rest));
});
