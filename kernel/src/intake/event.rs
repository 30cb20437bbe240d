//! What the server turned away by itself, and counted.

use std::sync::atomic::{AtomicU64, Ordering};

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
    Unauthenticated,
    ReadTimeout,
    HeaderTooLarge,
    RefusedStream,
    AcceptFailed,
    ConnectionLimit,
    Connections,
}

pub const EVENTS: [(&str, Event); 18] = [
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
    ("unauthenticated", Event::Unauthenticated),
    ("read_timeout", Event::ReadTimeout),
    ("header_too_large", Event::HeaderTooLarge),
    ("refused_stream", Event::RefusedStream),
    ("accept_failed", Event::AcceptFailed),
    ("connection_limit", Event::ConnectionLimit),
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
