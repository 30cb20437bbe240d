//! A path is read or refused with a reason, and what is read can be looked up.

#![no_main]

use _kernel::column::column;
use _kernel::path::Path;
use fuzzing::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Ok(text) = std::str::from_utf8(input.rest) else { return };
    match Path::parse(input.signal, text) {
        Ok(path) => assert!(column(&[], &path).codes.is_empty()),
        Err(reason) => assert!(!reason.is_empty()),
    }
});
