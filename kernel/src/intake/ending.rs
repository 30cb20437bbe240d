//! Why the server ended a connection by itself: a counter for each reason, by the name of the abuse.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    TlsHandshakeFailed,
    TlsHandshakeTimeout,
    TlsClientCertificate,
    HeaderTimeout,
    IdleTimeout,
    WriteTimeout,
    KeepaliveTimeout,
    MaxAge,
    HeaderTooLarge,
    BadHttp1,
    BadHttp2,
    Flooded,
    TooManyPings,
    TooManyResets,
    TooManyLocalResets,
    TooManyContinuations,
    TooManySmallFrames,
}

pub const ENDINGS: [(&str, Ending); 17] = [
    ("tls_handshake_failed", Ending::TlsHandshakeFailed),
    ("tls_handshake_timeout", Ending::TlsHandshakeTimeout),
    ("tls_client_certificate", Ending::TlsClientCertificate),
    ("header_timeout", Ending::HeaderTimeout),
    ("idle_timeout", Ending::IdleTimeout),
    ("write_timeout", Ending::WriteTimeout),
    ("keepalive_timeout", Ending::KeepaliveTimeout),
    ("max_age", Ending::MaxAge),
    ("header_too_large", Ending::HeaderTooLarge),
    ("bad_http1", Ending::BadHttp1),
    ("bad_http2", Ending::BadHttp2),
    ("flooded", Ending::Flooded),
    ("too_many_pings", Ending::TooManyPings),
    ("too_many_resets", Ending::TooManyResets),
    ("too_many_local_resets", Ending::TooManyLocalResets),
    ("too_many_continuations", Ending::TooManyContinuations),
    ("too_many_small_frames", Ending::TooManySmallFrames),
];

/// What the HTTP/2 library says in its GOAWAY when it has had enough, and what that is here.
const FLOODS: [(&str, Ending); 5] = [
    ("too_many_resets", Ending::TooManyResets),
    ("too_many_internal_resets", Ending::TooManyLocalResets),
    ("too_many_continuations", Ending::TooManyContinuations),
    ("too_many_data_frames", Ending::TooManySmallFrames),
    ("header_list_way_too_large", Ending::HeaderTooLarge),
];

#[derive(Default)]
pub struct Endings([AtomicU64; ENDINGS.len()]);

impl Endings {
    pub fn count(&self, ending: Ending) {
        self.0[ending as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self, ending: Ending) -> u64 {
        self.0[ending as usize].load(Ordering::Relaxed)
    }
}

impl Ending {
    pub fn name(self) -> &'static str {
        ENDINGS[self as usize].0
    }

    /// Why the HTTP library gave a connection up; `None` where it was its peer's doing.
    pub fn of(error: &hyper::Error) -> Option<Self> {
        if let Some(error) = error.source().and_then(|source| source.downcast_ref::<h2::Error>()) {
            return Self::of_http2(error);
        }
        if error.is_timeout() {
            return Some(Self::KeepaliveTimeout);
        }
        if error.is_parse_too_large() {
            return Some(Self::HeaderTooLarge);
        }
        error.is_parse().then_some(Self::BadHttp1)
    }

    fn of_http2(error: &h2::Error) -> Option<Self> {
        if error.is_io() || error.is_remote() {
            return None;
        }
        if error.reason() != Some(h2::Reason::ENHANCE_YOUR_CALM) {
            return Some(Self::BadHttp2);
        }
        let words = error.to_string();
        let known = FLOODS.iter().find(|(name, _)| words.contains(name));
        Some(known.map_or(Self::Flooded, |(_, ending)| *ending))
    }
}
