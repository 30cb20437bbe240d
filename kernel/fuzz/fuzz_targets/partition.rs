//! Each code gets its items and no others.

#![no_main]

use _kernel::split::partition;
use fuzzing::{Input, assert_left};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Some(payload) = input.payload() else { return };
    let codes: Vec<u32> =
        (0..payload.items()).map(|item| u32::from(input.choices[item % 8] % 4)).collect();
    let parts = partition(&[payload.clone()], &codes);
    let items: usize = parts.iter().flat_map(|(_, part)| part).map(|part| part.items()).sum();
    assert_eq!(items, payload.items());
    for (code, part) in parts {
        let keep: Vec<bool> = codes.iter().map(|other| *other == code).collect();
        assert_left(input.signal, &payload, &keep, &part);
    }
});
