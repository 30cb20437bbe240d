//! Connections: lines one after the other, of which the last may come in pieces.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::Shared;
use super::fault::Fault;
use crate::intake::listener::{Bound, Listener, Stream};
use crate::lock::lock;

/// Bytes of the longest line.
const LONGEST: usize = 1 << 16;

/// Bytes that are read at once.
const PIECE: usize = 1 << 14;

/// How long to wait before accepting again when the process has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(50);

/// How long what has been sent before the stop may take to be read.
const LAST: Duration = Duration::from_millis(100);

/// How connections are bounded.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub connections: usize,
    /// How long one may say nothing.
    pub idle: Duration,
}

/// Connections, since the start.
#[derive(Default)]
pub struct Connections {
    pub accepted: AtomicU64,
    pub accept_failed: AtomicU64,
    /// Times that there were as many as there may be.
    pub full: AtomicU64,
    pub idle: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Take connections until `stop` changes, and then what they have sent.
pub async fn serve(
    bound: Bound,
    shared: Arc<Shared>,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = bound.open()?;
    let mut connections = JoinSet::new();
    let slots = Arc::new(Semaphore::new(bounds.connections));
    loop {
        if slots.available_permits() == 0 {
            count(&shared.connections.full);
        }
        let (stream, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            _ = stop.changed() => break,
        };
        let Some(stream) = stream else {
            count(&shared.connections.accept_failed);
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        count(&shared.connections.accepted);
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        connections.spawn(async move {
            Connection { shared, waiting: Vec::new(), skipping: false }
                .serve(stream, bounds.idle, stop)
                .await;
            drop(slot);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// The next connection, when there is a place for it.
async fn accept(
    listener: &Listener,
    slots: &Arc<Semaphore>,
) -> (Option<Stream>, Option<tokio::sync::OwnedSemaphorePermit>) {
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    (listener.accept().await.ok(), slot)
}

struct Connection {
    shared: Arc<Shared>,
    /// The beginning of a line.
    waiting: Vec<u8>,
    /// Whether what comes is the rest of a line that was too long.
    skipping: bool,
}

impl Connection {
    async fn serve(mut self, mut stream: Stream, idle: Duration, mut stop: watch::Receiver<bool>) {
        let mut piece = vec![0; PIECE];
        loop {
            let patience = if *stop.borrow() { LAST } else { idle };
            let read = tokio::select! {
                biased;
                read = tokio::time::timeout(patience, stream.read(&mut piece)) => read,
                _ = stop.changed() => continue,
            };
            match read {
                Ok(Ok(len @ 1..)) => self.take(&piece[..len]),
                Ok(_) => break,
                Err(_) => {
                    if !*stop.borrow() {
                        count(&self.shared.connections.idle);
                    }
                    break;
                }
            }
        }
        let rest = std::mem::take(&mut self.waiting);
        if !self.skipping {
            lock(&self.shared.window).lines(&rest, super::now());
        }
    }

    /// Take the lines that are whole now.
    fn take(&mut self, mut piece: &[u8]) {
        let now = super::now();
        let mut window = lock(&self.shared.window);
        if let Some(end) = memchr::memchr(b'\n', piece) {
            if !self.skipping {
                self.waiting.extend_from_slice(&piece[..end]);
                window.lines(&self.waiting, now);
            }
            self.skipping = false;
            self.waiting.clear();
            piece = &piece[end + 1..];
        }
        let whole = memchr::memrchr(b'\n', piece).map_or(0, |at| at + 1);
        window.lines(&piece[..whole], now);
        if self.skipping {
            return;
        }
        self.waiting.extend_from_slice(&piece[whole..]);
        if self.waiting.len() > LONGEST {
            window.faults.note(Fault::TooLong, &self.waiting);
            self.waiting = Vec::new();
            self.skipping = true;
        }
    }
}
