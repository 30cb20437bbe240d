//! Hashes that decide what is sampled, and where it goes: they must be those of every other
//! collector.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

const OFFSET_BASIS: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

fn fnv1a(state: u32, text: &[u8]) -> u32 {
    text.iter().fold(state, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(PRIME))
}

/// The 32-bit FNV-1a hash of the seed, in little-endian order, and each text, as native `uint32`.
#[pyfunction]
pub fn fnv1a_32<'py>(
    py: Python<'py>,
    texts: Vec<Bound<'py, PyBytes>>,
    seed: u32,
) -> PyResult<Bound<'py, PyBytes>> {
    let seeded = fnv1a(OFFSET_BASIS, &seed.to_le_bytes());
    PyBytes::new_with(py, texts.len() * 4, |out| {
        for (place, text) in out.chunks_exact_mut(4).zip(&texts) {
            place.copy_from_slice(&fnv1a(seeded, text.as_bytes()).to_ne_bytes());
        }
        Ok(())
    })
}

/// The 64-bit hash of xxHash.
#[pyfunction]
pub fn xxh64(text: &[u8]) -> u64 {
    xxhash_rust::xxh64::xxh64(text, 0)
}
