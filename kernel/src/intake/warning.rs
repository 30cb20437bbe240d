//! What senders are told along with "taken": OTLP's partial success with nothing rejected.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::answer::{Dialect, shortened, write_bytes};
use crate::lock::lock;
use crate::schema::SIGNALS;

/// No warning stands longer than a day without being said again.
const MAX_SECONDS: f64 = 86_400.0;

/// Bytes of gRPC's prefix of a message.
const PREFIX: usize = 5;

/// An `Export…ServiceResponse` with a message in its `partial_success`, which is the same for every
/// signal but for the name of the count that is left out.
#[derive(Clone)]
pub struct Warning {
    grpc: Bytes,
    json: Bytes,
}

impl Warning {
    fn new(message: String) -> Self {
        let message = shortened(message);
        let (mut partial_success, mut response) = (Vec::new(), Vec::new());
        write_bytes(&mut partial_success, 2, message.as_bytes());
        write_bytes(&mut response, 1, &partial_success);
        let mut grpc = vec![0];
        grpc.extend_from_slice(&(response.len() as u32).to_be_bytes());
        grpc.extend_from_slice(&response);
        let json = serde_json::json!({ "partialSuccess": { "errorMessage": message } });
        Self { grpc: grpc.into(), json: json.to_string().into() }
    }

    pub fn body(&self, dialect: Dialect) -> Bytes {
        match dialect {
            Dialect::Grpc => self.grpc.clone(),
            Dialect::Json => self.json.clone(),
            _ => self.grpc.slice(PREFIX..),
        }
    }
}

/// The warnings that stand, by signal.
#[derive(Default)]
pub struct Warnings {
    /// All that an answer looks at while there is none.
    some: AtomicBool,
    standing: Mutex<[Option<(Warning, Instant)>; SIGNALS.len()]>,
}

impl Warnings {
    /// Say this with every answer for so many seconds, and no longer what was said before.
    pub fn set(&self, signal: usize, message: String, seconds: f64) {
        let lasting = Duration::try_from_secs_f64(seconds.min(MAX_SECONDS)).unwrap_or_default();
        let mut standing = lock(&self.standing);
        standing[signal] = Some((Warning::new(message), Instant::now() + lasting));
        self.some.store(true, Ordering::Relaxed);
    }

    /// What is to be said; `signal` is asked for only while there is any warning.
    pub fn get(&self, signal: impl FnOnce() -> Option<usize>) -> Option<Warning> {
        if !self.some.load(Ordering::Relaxed) {
            return None;
        }
        let mut standing = lock(&self.standing);
        let now = Instant::now();
        for over in standing.iter_mut() {
            over.take_if(|(_, until)| *until <= now);
        }
        self.some.store(standing.iter().any(Option::is_some), Ordering::Relaxed);
        standing[signal()?].as_ref().map(|(warning, _)| warning.clone())
    }
}
