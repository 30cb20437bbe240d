//! Memory, and all of the kernel's unsafe code: each use with what it must keep, and why it does.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
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

/// Datagrams that are received at once.
pub const DATAGRAMS: usize = 64;

/// Receive as many datagrams as there are and buffers for them, without waiting, and say of each how
/// many bytes it has and whether there were more. A buffer's size is `size`.
pub fn receive_datagrams(
    socket: &impl AsRawFd,
    buffers: &mut [u8],
    size: usize,
    received: &mut Vec<(usize, bool)>,
) -> io::Result<()> {
    received.clear();
    let mut parts = [const { MaybeUninit::<libc::iovec>::zeroed() }; DATAGRAMS];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::zeroed() }; DATAGRAMS];
    let mut count = 0;
    // SAFETY: both structures are plain numbers and pointers, for which all zeros are valid: no
    // name, no control data, and nothing to write to. Each of the first `count` headers then points
    // to one part, in an array that does not move before this returns, and each part to a buffer of
    // its own: the chunks of a slice that nobody else has do not overlap, and are `size` bytes long.
    // The system writes to these buffers and headers and to nothing else, before the call returns,
    // so afterwards as many headers as it says hold a length and flags.
    unsafe {
        for ((buffer, part), header) in
            buffers.chunks_exact_mut(size).zip(&mut parts).zip(&mut headers)
        {
            let base = buffer.as_mut_ptr().cast();
            let part = part.write(libc::iovec { iov_base: base, iov_len: size });
            let header = header.assume_init_mut();
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            count += 1;
        }
        let first = headers.as_mut_ptr().cast();
        let flags = libc::MSG_DONTWAIT as _;
        let found = libc::recvmmsg(socket.as_raw_fd(), first, count, flags, std::ptr::null_mut());
        let Ok(found) = usize::try_from(found) else { return Err(io::Error::last_os_error()) };
        received.extend(headers[..found].iter().map(|header| {
            let header = header.assume_init_ref();
            (header.msg_len as usize, header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0)
        }));
    }
    Ok(())
}

/// The place of the count of drops in what the system tells of a socket's memory.
const DROPS: usize = 8;

/// How many datagrams the system has dropped for want of room since the socket was made; 0 where it
/// does not tell.
pub fn dropped_datagrams(socket: &impl AsRawFd) -> u32 {
    let mut told = [0u32; DROPS + 1];
    let mut len = size_of_val(&told) as libc::socklen_t;
    // SAFETY: the system writes at most `len` bytes to the array, which is that long, and the number
    // of those that it wrote to `len`; any bits are valid in an array of integers.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            told.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if done == 0 { told[DROPS] } else { 0 }
}
