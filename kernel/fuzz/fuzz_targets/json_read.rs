//! What is read from JSON is a request that the official decoder takes.

#![no_main]

use _kernel::json::from_json;
use _kernel::payload::Payload;
use fuzzing::{Input, Oracle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    match from_json(input.signal, input.rest) {
        Ok(bytes) => {
            let items = Oracle::get().count(input.signal, &bytes);
            let payload = Payload::parse(input.signal, bytes);
            assert_eq!(items, payload.ok().map(|payload| payload.items()));
            assert!(items.is_some());
        }
        Err(fault) => assert!(fault.offset <= input.rest.len()),
    }
});
