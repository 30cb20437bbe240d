//! What the targets share: how they read their input, and the official decoder to compare with.

use std::ffi::CString;
use std::sync::{Arc, OnceLock};

use _kernel::payload::Payload;
use _kernel::schema::{SIGNALS, Signal};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyModule};

/// A signal, some choices, and the rest of the input, which is mostly a payload.
pub struct Input<'a> {
    pub signal: &'static Signal,
    pub choices: [u8; 8],
    pub rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let ([first, choices @ ..], rest) = data.split_first_chunk::<9>()?;
        let signal = SIGNALS[*first as usize % SIGNALS.len()];
        Some(Self { signal, choices: *choices, rest })
    }

    /// The payload, if the kernel takes it.
    pub fn payload(&self) -> Option<Arc<Payload>> {
        Payload::parse(self.signal, self.rest.to_vec()).ok().map(Arc::new)
    }

    /// A decision for each of so many items.
    pub fn decisions(&self, items: usize) -> Vec<bool> {
        let bits = u64::from_le_bytes(self.choices);
        (0..items).map(|item| bits >> (item % 64) & 1 == 1).collect()
    }
}

/// The official decoder, as Python has it.
pub struct Oracle(Py<PyModule>);

impl Oracle {
    pub fn get() -> &'static Self {
        static ORACLE: OnceLock<Oracle> = OnceLock::new();
        ORACLE.get_or_init(|| {
            Python::attach(|py| {
                let code = CString::new(include_str!("oracle.py")).expect("Python has no NUL");
                let module = PyModule::from_code(py, &code, c"oracle.py", c"oracle");
                Self(module.expect("the packages of the environment on PYTHONPATH").unbind())
            })
        })
    }

    /// How many items it finds, or `None` where it refuses the payload.
    pub fn count(&self, signal: &Signal, payload: &[u8]) -> Option<usize> {
        Python::attach(|py| {
            let arguments = (signal.name, PyBytes::new(py, payload));
            self.0.bind(py).call_method1("count", arguments).unwrap().extract().unwrap()
        })
    }

    /// What is left when only some items are kept.
    pub fn without(&self, signal: &Signal, payload: &[u8], keep: Vec<bool>) -> Vec<u8> {
        Python::attach(|py| {
            let arguments = (signal.name, PyBytes::new(py, payload), keep);
            self.0.bind(py).call_method1("without", arguments).unwrap().extract().unwrap()
        })
    }

    /// The encoding that it would have written.
    pub fn canonical(&self, signal: &Signal, payload: &[u8]) -> Vec<u8> {
        Python::attach(|py| {
            let arguments = (signal.name, PyBytes::new(py, payload));
            self.0.bind(py).call_method1("canonical", arguments).unwrap().extract().unwrap()
        })
    }

    /// Whether two encodings say the same to it, unknown fields aside.
    pub fn same_but_unknown(&self, signal: &Signal, one: &[u8], other: &[u8]) -> bool {
        Python::attach(|py| {
            let arguments = (signal.name, PyBytes::new(py, one), PyBytes::new(py, other));
            self.0.bind(py).call_method1("same_but_unknown", arguments).unwrap().extract().unwrap()
        })
    }
}

/// Compare what became of a payload with what the official decoder says that is left.
pub fn assert_left(signal: &'static Signal, whole: &Payload, keep: &[bool], left: &[Arc<Payload>]) {
    let bytes: Vec<u8> = left.iter().flat_map(|payload| payload.bytes()).copied().collect();
    if bytes == whole.bytes() && keep.iter().all(|kept| *kept) {
        return; // with its empty parents
    }
    let oracle = Oracle::get();
    let expected = oracle.without(signal, whole.bytes(), keep.to_vec());
    assert_eq!(oracle.canonical(signal, &bytes), expected);
    for payload in left {
        let again = Payload::parse(signal, payload.bytes().to_vec()).expect("it is well-formed");
        assert_eq!(again.index(), payload.index(), "the index of what was cut");
    }
}
