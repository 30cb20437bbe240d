//! Parts keep to their limits and hold all items, each once and in order.

#![no_main]

use _kernel::split::split;
use fuzzing::{Input, assert_left};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Some(payload) = input.payload() else { return };
    let max_items = usize::from(input.choices[0]) + 1;
    let max_bytes = usize::from(u16::from_le_bytes([input.choices[1], input.choices[2]])) + 1;
    let mut from = 0;
    for part in split(&[payload.clone()], max_items, max_bytes) {
        let items: usize = part.iter().map(|payload| payload.items()).sum();
        let bytes: usize = part.iter().map(|payload| payload.bytes().len()).sum();
        assert!(items <= max_items && (bytes <= max_bytes || items <= 1));
        if items > 0 {
            let keep: Vec<bool> =
                (0..payload.items()).map(|item| (from..from + items).contains(&item)).collect();
            assert_left(input.signal, &payload, &keep, &part);
        }
        from += items;
    }
    assert_eq!(from, payload.items());
});
