//! What is written as JSON reads back as what the official decoder finds in the payload.

#![no_main]

use _kernel::json::{from_json, to_json};
use fuzzing::{Input, Oracle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Some(payload) = input.payload() else { return };
    let text = to_json(input.signal, &[payload.bytes()]);
    let again = from_json(input.signal, &text).expect("what was written");
    assert!(Oracle::get().same_but_unknown(input.signal, &again, payload.bytes()));
});
