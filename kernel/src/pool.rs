//! Buffers of requests, used again. One thread fills them and another drops them, which an allocator
//! serves with fresh pages: a sixth of all CPU time went into clearing those.

use std::sync::Mutex;

use crate::lock::lock;

/// Buffers smaller than this the allocator serves well; larger ones are rare.
pub const SMALLEST: usize = 32 * 1024;
const LARGEST: usize = 1024 * 1024;
const CLASSES: usize = (LARGEST / SMALLEST).ilog2() as usize + 1;

/// Bytes that are kept for later.
const MAX_IDLE: usize = 16 * 1024 * 1024;

#[derive(Default)]
struct Idle {
    /// Buffers by size, each class twice the one before; the last one used is the first to be taken.
    buffers: [Vec<Vec<u8>>; CLASSES],
    bytes: usize,
}

static IDLE: Mutex<Idle> = Mutex::new(Idle { buffers: [const { Vec::new() }; CLASSES], bytes: 0 });

fn class(capacity: usize) -> Option<usize> {
    let pooled = (SMALLEST..=LARGEST).contains(&capacity) && capacity.is_power_of_two();
    pooled.then(|| (capacity / SMALLEST).ilog2() as usize)
}

/// An empty buffer with room for at least so many bytes.
pub fn take(size: usize) -> Vec<u8> {
    let capacity = size.next_power_of_two();
    let Some(class) = class(capacity) else { return Vec::with_capacity(size) };
    let mut idle = lock(&IDLE);
    let Some(buffer) = idle.buffers[class].pop() else { return Vec::with_capacity(capacity) };
    idle.bytes -= capacity;
    buffer
}

/// Move what a buffer holds into one with room for at least so many bytes, or just for that.
pub fn resize(buffer: &mut Vec<u8>, size: usize) {
    let mut other = take(size.max(buffer.len()));
    other.extend_from_slice(buffer);
    give_back(std::mem::replace(buffer, other));
}

/// Keep a buffer for later, if it is one of the pool's sizes and there is room.
pub fn give_back(mut buffer: Vec<u8>) {
    let capacity = buffer.capacity();
    let Some(class) = class(capacity) else { return };
    let mut idle = lock(&IDLE);
    if idle.bytes + capacity <= MAX_IDLE {
        buffer.clear();
        idle.bytes += capacity;
        idle.buffers[class].push(buffer);
    }
}

/// Free every buffer that is kept.
pub fn empty() {
    drop(std::mem::take(&mut *lock(&IDLE)));
}
