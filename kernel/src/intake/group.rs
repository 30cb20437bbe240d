//! Requests that wait for a verdict, taken all at once and answered all at once.

use std::collections::HashMap;
use std::io::{PipeWriter, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::{Notify, oneshot};

use super::answer::Refusal;
use crate::payload::Payload;
use crate::schema::SIGNALS;

pub type Verdict = Result<(), Arc<Refusal>>;

/// A counter for every way in which the server turns a request away by itself.
#[derive(Clone, Copy)]
pub enum Event {
    Malformed,
    TooLarge,
    BadCompression,
    UnsupportedEncoding,
    UnsupportedMediaType,
    UnknownPath,
    BadMethod,
    BadFraming,
    Disconnected,
    Overloaded,
    Panicked,
    Connections,
}

pub const EVENTS: [(&str, Event); 12] = [
    ("malformed", Event::Malformed),
    ("too_large", Event::TooLarge),
    ("bad_compression", Event::BadCompression),
    ("unsupported_encoding", Event::UnsupportedEncoding),
    ("unsupported_media_type", Event::UnsupportedMediaType),
    ("unknown_path", Event::UnknownPath),
    ("bad_method", Event::BadMethod),
    ("bad_framing", Event::BadFraming),
    ("disconnected", Event::Disconnected),
    ("overloaded", Event::Overloaded),
    ("panicked", Event::Panicked),
    ("connections", Event::Connections),
];

#[derive(Default)]
pub struct Stats([AtomicU64; EVENTS.len()]);

impl Stats {
    pub fn count(&self, event: Event) {
        self.0[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self, event: Event) -> u64 {
        self.0[event as usize].load(Ordering::Relaxed)
    }
}

/// One request: its payload, who sent it, and where its sender waits.
pub struct Request {
    pub payload: Arc<Payload>,
    pub grpc: bool,
    pub answer: oneshot::Sender<Verdict>,
}

/// What the server's thread and the event loop's thread share.
pub struct Shared {
    waiting: Mutex<Waiting>,
    /// Tells the event loop, by one byte, that there is something to take.
    wake: PipeWriter,
    verdicts: Mutex<Vec<(Verdict, Vec<oneshot::Sender<Verdict>>)>>,
    has_verdicts: Notify,
    pub stopping: Notify,
    pub stats: Stats,
    /// Bytes of requests that are being received or wait for a verdict.
    held: AtomicUsize,
    max_held: usize,
    /// Connections that are not read until less is held.
    paused: Mutex<HashMap<usize, Waker>>,
}

#[derive(Default)]
struct Waiting {
    groups: [Vec<Request>; SIGNALS.len()],
    announced: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(wake: PipeWriter, max_held: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            wake,
            verdicts: Mutex::default(),
            has_verdicts: Notify::new(),
            stopping: Notify::new(),
            stats: Stats::default(),
            held: AtomicUsize::new(0),
            max_held,
            paused: Mutex::default(),
        }
    }

    /// Line a request up. The event loop hears of it by `announce`.
    pub fn submit(&self, request: Request) {
        let signal = request.payload.signal;
        let position = SIGNALS.iter().position(|known| std::ptr::eq(*known, signal));
        lock(&self.waiting).groups[position.unwrap_or(0)].push(request);
    }

    /// Wake the event loop, once for all that has been lined up since it last took.
    pub fn announce(&self) {
        let mut waiting = lock(&self.waiting);
        if waiting.announced || waiting.groups.iter().all(Vec::is_empty) {
            return;
        }
        waiting.announced = true;
        // Whoever is woken by the byte takes the lock at once: it must be free by then.
        drop(waiting);
        let _ = (&self.wake).write_all(&[1]);
    }

    /// Take everything that waits, by signal.
    pub fn take(&self) -> [Vec<Request>; SIGNALS.len()] {
        let mut waiting = lock(&self.waiting);
        waiting.announced = false;
        std::mem::take(&mut waiting.groups)
    }

    /// Answer senders, from any thread, with one wake-up of the server's for all of them.
    pub fn deliver(&self, verdict: Verdict, senders: Vec<oneshot::Sender<Verdict>>) {
        lock(&self.verdicts).push((verdict, senders));
        self.has_verdicts.notify_one();
    }

    /// Hand verdicts on to the requests' tasks, for as long as the server runs.
    pub async fn proclaim(&self) {
        loop {
            self.has_verdicts.notified().await;
            for (verdict, senders) in std::mem::take(&mut *lock(&self.verdicts)) {
                for sender in senders {
                    // A sender that has gone has no use for the verdict.
                    let _ = sender.send(verdict.clone());
                }
            }
        }
    }

    /// True when no more requests can be held: they are refused.
    pub fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.max_held
    }

    /// True when half of the room is taken: sockets are not read.
    pub fn is_crowded(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.max_held / 2
    }

    /// Wake that connection when it is no longer crowded.
    pub fn pause(&self, connection: usize, waker: &Waker) {
        lock(&self.paused).insert(connection, waker.clone());
    }

    pub fn forget(&self, connection: usize) {
        lock(&self.paused).remove(&connection);
    }

    fn hold(&self, now: usize, before: usize) {
        if now > before {
            self.held.fetch_add(now - before, Ordering::Relaxed);
            return;
        }
        let held = self.held.fetch_sub(before - now, Ordering::Relaxed);
        if held > self.max_held / 2 && held - (before - now) <= self.max_held / 2 {
            std::mem::take(&mut *lock(&self.paused)).into_values().for_each(Waker::wake);
        }
    }
}

/// Bytes counted against the bound on what is held, until it is dropped.
pub struct Hold<'a> {
    shared: &'a Shared,
    bytes: usize,
}

impl<'a> Hold<'a> {
    pub fn new(shared: &'a Shared) -> Self {
        Self { shared, bytes: 0 }
    }

    pub fn resize(&mut self, bytes: usize) {
        self.shared.hold(bytes, self.bytes);
        self.bytes = bytes;
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.resize(0);
    }
}
