//! Memory, and all of the kernel's unsafe code: each use with what it must keep, and why it does.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::Notify;

use crate::pool;

/// A new `bytes` of the parts, one after the other. Safe ways to make one write it twice, once with
/// zeros, which for a batch of some megabytes costs as much as sending it.
pub fn bytes_of<'py>(py: Python<'py>, parts: &[&[u8]]) -> PyResult<Bound<'py, PyBytes>> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let size = ffi::Py_ssize_t::try_from(len)?;
    // SAFETY: with a null pointer, `PyBytes_FromStringAndSize` returns a new, exclusively owned
    // bytes object of `size` uninitialised bytes, or null with an exception set, which
    // `from_owned_ptr_or_err` takes over; the object is a bytes object, so the cast holds.
    // `PyBytes_AsString` gives the start of those bytes. The parts are copied to consecutive
    // places whose lengths add up to `len`, so every byte is written, none outside, and source and
    // target cannot overlap because nobody else has seen the target yet. The interpreter is
    // attached (`py`) and nothing between creation and return can run Python code.
    unsafe {
        let object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), size);
        let bytes = Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked::<PyBytes>();
        let mut at = ffi::PyBytes_AsString(bytes.as_ptr()).cast::<u8>();
        for part in parts {
            at.copy_from_nonoverlapping(part.as_ptr(), part.len());
            at = at.add(part.len());
        }
        Ok(bytes)
    }
}

/// How long freed memory is kept for the next request before the system gets it back.
const PURGE_DELAY_MS: std::ffi::c_long = 10_000;

/// `mi_option_purge_delay`, which the binding does not name.
const MI_OPTION_PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Blocks up to this size come from the heap and can be used again without the system's help.
#[cfg(target_env = "gnu")]
const HEAP_BLOCK_MAX: std::ffi::c_int = 32 << 20;

/// Let the kernel's allocator and the C library's keep what was freed for a while. Batches of some
/// megabytes come and go; given back at once, each is paged in anew, which costs more than parsing it.
/// And do without huge pages: they saved no measurable time, and had a connection's buffers, of which
/// little is ever written, take 38 KiB each instead of 22.
#[pyfunction]
pub fn keep_freed_memory() {
    // SAFETY: all calls take plain integers and only set options of an allocator, under its own
    // synchronisation, or of the process; none touches memory of ours.
    unsafe {
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
        libmimalloc_sys::mi_option_set(MI_OPTION_PURGE_DELAY, PURGE_DELAY_MS);
        #[cfg(target_env = "gnu")]
        {
            libc::mallopt(libc::M_MMAP_THRESHOLD, HEAP_BLOCK_MAX);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * HEAP_BLOCK_MAX);
        }
    }
}

/// Asks servers to give back what only their thread can: the allocator keeps a heap for each.
static ASKED: Notify = Notify::const_new();

/// Give what was freed back to the system now, for a process that has come near its limit.
#[pyfunction]
pub fn give_back_freed_memory(py: Python<'_>) {
    ASKED.notify_waiters();
    py.detach(|| {
        pool::empty();
        collect();
        #[cfg(target_env = "gnu")]
        // SAFETY: the C library returns pages that it does not use, of all threads and under its
        // own locks; no block that is in use is moved or freed.
        unsafe {
            libc::malloc_trim(0);
        }
    });
}

/// Do so whenever it is asked for, in a thread that is none of Python's.
pub async fn give_back_when_asked() {
    loop {
        ASKED.notified().await;
        collect();
    }
}

fn collect() {
    // SAFETY: the allocator returns pages of this thread's heap that it does not use; no block that
    // is in use is moved or freed.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

/// Bytes of requests that a server of this process may hold, besides its own bound.
static ROOM: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Let each server hold so many bytes of requests at most, if its own bound is not less.
#[pyfunction]
pub fn hold_at_most(size: usize) {
    ROOM.store(size, Ordering::Relaxed);
}

pub fn room() -> usize {
    ROOM.load(Ordering::Relaxed)
}
