//! Every payload can be shown, an item a row.

#![no_main]

use _kernel::rows::rows;
use fuzzing::Input;
use libfuzzer_sys::fuzz_target;
use pyo3::Python;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Some(payload) = input.payload() else { return };
    Python::attach(|py| {
        let rows = rows(py, input.signal, payload.bytes()).expect("rows of a payload");
        assert_eq!(rows.len(), payload.items());
    });
});
