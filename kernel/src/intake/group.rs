//! Requests that wait for a verdict, taken all at once and answered all at once.

use std::collections::HashMap;
use std::io::{PipeWriter, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::answer::Refusal;
use super::arrivals::{Arrivals, Way};
use super::ending::Endings;
use super::event::Stats;
use super::turns::Turns;
use super::warning::Warnings;
use crate::lock::lock;
use crate::memory;
use crate::payload::Payload;
use crate::schema::SIGNALS;

pub type Verdict = Result<(), Arc<Refusal>>;

const GROUPS: usize = 2 * SIGNALS.len();

/// Answered requests wait for more, so that the event loop works on fewer and larger groups, up to
/// this size and this long. The time is what a sender would not notice, since it has its answer.
const GATHERED_BYTES: usize = 1024 * 1024;
const GATHERING: Duration = Duration::from_millis(5);

/// What the server's thread and the event loop's thread share.
pub struct Shared {
    waiting: Mutex<Waiting>,
    /// Tells the event loop, by one byte, that there is something to take.
    wake: PipeWriter,
    has_answered: Notify,
    verdicts: Mutex<Vec<(Verdict, Vec<oneshot::Sender<Verdict>>)>>,
    has_verdicts: Notify,
    pub stopping: Notify,
    pub stats: Stats,
    pub endings: Endings,
    pub turns: Turns,
    pub warnings: Warnings,
    /// Bytes of requests that are being received, wait for a verdict or to be taken over.
    held: AtomicUsize,
    max_held: usize,
    /// Bytes of requests that may be answered before the event loop has seen them, and that are.
    credit: AtomicUsize,
    on_credit: AtomicUsize,
    /// Connections that are not read until less is held.
    paused: Mutex<HashMap<usize, Waker>>,
}

#[derive(Default)]
struct Waiting {
    /// By signal; those with their answers in the second half.
    groups: [Arrivals; GROUPS],
    answered_bytes: usize,
    announced: bool,
}

impl Waiting {
    /// Whether the event loop is to be woken.
    fn is_due(&self, gathered: bool) -> bool {
        let (unanswered, answered) = self.groups.split_at(SIGNALS.len());
        let some = |groups: &[Arrivals]| groups.iter().any(|group| !group.is_empty());
        let gathered = gathered || self.answered_bytes >= GATHERED_BYTES;
        !self.announced && (some(unanswered) || (gathered && some(answered)))
    }
}

impl Shared {
    pub fn new(wake: PipeWriter, max_held: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            wake,
            has_answered: Notify::new(),
            verdicts: Mutex::default(),
            has_verdicts: Notify::new(),
            stopping: Notify::new(),
            stats: Stats::default(),
            endings: Endings::default(),
            turns: Turns::default(),
            warnings: Warnings::default(),
            held: AtomicUsize::new(0),
            max_held,
            credit: AtomicUsize::new(0),
            on_credit: AtomicUsize::new(0),
            paused: Mutex::default(),
        }
    }

    /// Answer up to that many bytes of requests before the event loop has seen them.
    pub fn grant(&self, credit: usize) {
        self.credit.store(credit, Ordering::Relaxed);
    }

    /// Line a request up. Returns where its verdict comes, or `None` if it is to be answered now.
    pub fn submit(
        &self,
        payload: Payload,
        way: Way,
        mut hold: Hold,
    ) -> Option<oneshot::Receiver<Verdict>> {
        let mut group = payload.signal.position();
        let (sender, verdict) =
            if hold.use_credit() { (None, None) } else { Some(oneshot::channel()).unzip() };
        let mut waiting = lock(&self.waiting);
        if sender.is_none() {
            group += SIGNALS.len();
            if waiting.answered_bytes == 0 {
                self.has_answered.notify_one();
            }
            waiting.answered_bytes += payload.bytes().len();
        }
        waiting.groups[group].add(payload, way, sender, hold);
        verdict
    }

    /// Wake the event loop, once for all that is lined up: for senders that wait at once, for others
    /// when enough is `gathered`.
    pub fn announce(&self, gathered: bool) {
        let mut waiting = lock(&self.waiting);
        if !waiting.is_due(gathered) {
            return;
        }
        waiting.announced = true;
        // Whoever is woken by the byte takes the lock at once: it must be free by then.
        drop(waiting);
        let _ = (&self.wake).write_all(&[1]);
    }

    /// Announce answered requests after they were gathered for a while, as long as the server runs.
    pub async fn gather(&self) {
        loop {
            self.has_answered.notified().await;
            tokio::time::sleep(GATHERING).await;
            self.announce(true);
        }
    }

    /// Take everything that is lined up, and say whether it had been announced.
    pub fn take(&self) -> (bool, [Arrivals; GROUPS]) {
        let mut waiting = lock(&self.waiting);
        let taken = std::mem::take(&mut *waiting);
        (taken.announced, taken.groups)
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
        self.held.load(Ordering::Relaxed) > self.room()
    }

    /// True when half of the room is taken: sockets are not read.
    pub fn is_crowded(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.room() / 2
    }

    fn room(&self) -> usize {
        self.max_held.min(memory::room())
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
        let crowd = self.room() / 2;
        if held > crowd && held - (before - now) <= crowd {
            std::mem::take(&mut *lock(&self.paused)).into_values().for_each(Waker::wake);
        }
    }
}

/// Bytes counted against the bound on what is held, until it is dropped.
pub struct Hold {
    shared: Arc<Shared>,
    bytes: usize,
    on_credit: bool,
}

impl Hold {
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), bytes: 0, on_credit: false }
    }

    pub fn resize(&mut self, bytes: usize) {
        self.shared.hold(bytes, self.bytes);
        self.bytes = bytes;
    }

    /// True when no more requests can be held.
    pub fn is_too_much(&self) -> bool {
        self.shared.is_full()
    }

    /// Count another's bytes as well, for as long as these. Both or none are on credit.
    pub fn merge(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
        other.on_credit = false;
    }

    /// Take these bytes over before the event loop has seen them, if there is credit for them.
    fn use_credit(&mut self) -> bool {
        let credit = self.shared.credit.load(Ordering::Relaxed);
        let used = self.shared.on_credit.fetch_add(self.bytes, Ordering::Relaxed) + self.bytes;
        self.on_credit = used <= credit;
        if !self.on_credit {
            self.shared.on_credit.fetch_sub(self.bytes, Ordering::Relaxed);
        }
        self.on_credit
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.on_credit {
            self.shared.on_credit.fetch_sub(self.bytes, Ordering::Relaxed);
        }
        self.resize(0);
    }
}
