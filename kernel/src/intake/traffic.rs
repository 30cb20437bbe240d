//! What goes on on one connection: requests under way, what has arrived of the next, what is unsent.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::ending::Ending;
use super::event::Event;
use super::frames::{Conduct, Frames, RST_STREAM};
use super::group::{Hold, Shared};
use super::terms::Settings;
use crate::lock::lock;

/// The least that counts against admission: less is what every connection has, and costs nothing to
/// leave out.
const SMALL: usize = 1024;

/// How long a head or frame may take that is not whole while too much waits: whoever fills the house
/// with halves must not keep it full.
const PRESSED: Duration = Duration::from_secs(5);

/// Frames that a connection is trusted with for each request that brings telemetry: more than the
/// largest such requests are made of.
const TRUST: usize = 4096;

pub struct Traffic {
    pub shared: Arc<Shared>,
    settings: Arc<Settings>,
    /// The address at the other end.
    peer: Option<IpAddr>,
    /// An answer has been given and waits to be written.
    answered: AtomicBool,
    trusted: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// Requests, each from its head until its answer has gone out.
    open: usize,
    /// Answers that have not gone out.
    unsent: usize,
    /// When the last request ended, and when the last answer went out while others had not.
    idle_since: Instant,
    unsent_since: Instant,
    /// Bytes of a head or frame that is not whole, and when its first came.
    partial: usize,
    partial_since: Instant,
    hold: Hold,
    /// An answer has been given since the client's last ping.
    heard: bool,
    /// Frames since the last request that brought telemetry.
    frames_since: usize,
    /// Of HTTP/2.
    frames: Option<(Frames, Frames)>,
    conduct: Conduct,
}

impl Traffic {
    pub fn new(shared: &Arc<Shared>, settings: &Arc<Settings>, peer: Option<IpAddr>) -> Self {
        let now = Instant::now();
        let state = State {
            open: 0,
            unsent: 0,
            idle_since: now,
            unsent_since: now,
            partial: 0,
            partial_since: now,
            hold: Hold::new(shared),
            heard: false,
            frames_since: 0,
            frames: None,
            conduct: Conduct::new(),
        };
        Self {
            shared: Arc::clone(shared),
            settings: Arc::clone(settings),
            peer,
            answered: AtomicBool::new(false),
            trusted: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    pub fn is_http2(&self) {
        lock(&self.state).frames = Some((Frames::of_client(), Frames::default()));
    }

    /// Whether an answer has been given since this was asked.
    pub fn take_answered(&self) -> bool {
        self.answered.swap(false, Ordering::Relaxed)
    }

    /// Whether the connection brings telemetry, and not much else.
    pub fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Relaxed)
    }

    /// Note bytes that go to the HTTP library. An error is why the connection must end.
    pub fn arrived(&self, data: &[u8]) -> Result<(), Ending> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let before = state.partial;
        let mut fresh = false;
        let mut verdict = Ok(());
        if let Some((frames, _)) = &mut state.frames {
            frames.advance(data, |frame| {
                fresh = true;
                state.frames_since += 1;
                let (manners, asks) = (self.settings.manners, state.open > 0);
                let judged = state.conduct.judge(frame, manners, asks, &mut state.heard);
                verdict = judged.map_or(verdict, Err);
            });
            state.partial = frames.pending();
            if state.frames_since > TRUST {
                self.trusted.store(false, Ordering::Relaxed);
            }
        } else if state.open == 0 {
            state.partial += data.len();
        }
        if state.partial > 0 && (before == 0 || fresh) {
            state.partial_since = Instant::now();
        }
        state.count_partial();
        verdict
    }

    /// Note bytes that the HTTP library has written.
    pub fn written(&self, data: &[u8]) {
        if let Some((_, frames)) = &mut lock(&self.state).frames {
            frames.advance(data, |frame| {
                if frame.kind == RST_STREAM && frame.code == u32::from(h2::Reason::REFUSED_STREAM) {
                    self.shared.stats.count(Event::RefusedStream);
                }
            });
        }
    }

    /// Note whether bytes wait for the client to read.
    pub fn stuck(&self, was: bool, is: bool) {
        match (was, is) {
            (false, true) => lock(&self.state).wait_to_send(),
            (true, false) => lock(&self.state).sent(),
            _ => {}
        }
    }

    /// When the last request ended; `None` while there are any.
    pub fn idle_since(&self) -> Option<Instant> {
        let state = lock(&self.state);
        (state.open == 0).then_some(state.idle_since)
    }

    /// When the client's time is up if nothing else happens, and what that will be called. Whether
    /// it may be idle matters only as long as its connection `goes_on`.
    pub fn deadline(&self, goes_on: bool) -> Option<(Instant, Ending)> {
        let state = lock(&self.state);
        let settings = &self.settings;
        let pressed = self.shared.is_crowded().then_some(PRESSED);
        let header = [settings.header_timeout, pressed].into_iter().flatten().min();
        let is_idle = state.open == 0;
        let is_partial = is_idle && state.partial > 0;
        [
            (is_idle && goes_on, state.idle_since, settings.idle_timeout, Ending::IdleTimeout),
            (is_partial, state.partial_since, header, Ending::HeaderTimeout),
            (state.unsent > 0, state.unsent_since, settings.write_timeout, Ending::WriteTimeout),
        ]
        .into_iter()
        .filter(|(applies, ..)| *applies)
        .filter_map(|(_, since, limit, ending)| Some((since + limit?, ending)))
        .min_by_key(|(due, _)| *due)
    }

    /// The least time from when anything begins until its `deadline`.
    pub fn shortest_deadline(&self) -> Duration {
        let Settings { header_timeout, write_timeout, idle_timeout, .. } = &*self.settings;
        let limits = [*header_timeout, *write_timeout, *idle_timeout].into_iter().flatten();
        limits.min().unwrap_or(PRESSED).min(PRESSED)
    }
}

impl State {
    fn count_partial(&mut self) {
        self.hold.resize(if self.partial < SMALL { 0 } else { self.partial });
    }

    fn wait_to_send(&mut self) {
        self.unsent += 1;
        if self.unsent == 1 {
            self.unsent_since = Instant::now();
        }
    }

    fn sent(&mut self) {
        self.unsent -= 1;
        if self.unsent > 0 {
            self.unsent_since = Instant::now();
        }
    }
}

/// A request's presence on its connection, from its head until its answer has gone out.
pub struct Open {
    traffic: Arc<Traffic>,
    is_answered: bool,
}

impl Open {
    pub fn new(traffic: &Arc<Traffic>) -> Self {
        let mut state = lock(&traffic.state);
        state.open += 1;
        if state.frames.is_none() {
            state.partial = 0;
            state.count_partial();
        }
        drop(state);
        Self { traffic: Arc::clone(traffic), is_answered: false }
    }

    /// The same presence once more, for what remains of the request when it has its answer.
    pub fn again(&self) -> Self {
        Self::new(&self.traffic)
    }

    /// The address that it came from; there is none at a unix socket.
    pub fn peer(&self) -> Option<IpAddr> {
        self.traffic.peer
    }

    /// The request has brought telemetry.
    pub fn earn_trust(&self) {
        lock(&self.traffic.state).frames_since = 0;
        self.traffic.trusted.store(true, Ordering::Relaxed);
    }

    /// The answer is known and can be written.
    pub fn answer(&mut self) {
        let mut state = lock(&self.traffic.state);
        state.wait_to_send();
        state.heard = true;
        self.is_answered = true;
        self.traffic.answered.store(true, Ordering::Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = lock(&self.traffic.state);
        if self.is_answered {
            state.sent();
        }
        state.open -= 1;
        if state.open == 0 {
            state.idle_since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::frames::PREFACE;

    /// Of data, just enough for its head not to count as talk about the connection.
    const FRAME: [u8; 12] = [0, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0];

    fn traffic() -> Arc<Traffic> {
        let (_, wake) = std::io::pipe().unwrap();
        let traffic = Traffic::new(&Arc::new(Shared::new(wake, 0)), &Arc::default(), None);
        traffic.is_http2();
        traffic.arrived(&[0; PREFACE]).unwrap();
        Arc::new(traffic)
    }

    #[test]
    fn a_connection_is_trusted_once_it_has_brought_telemetry() {
        let traffic = traffic();
        let open = Open::new(&traffic);
        assert!(!traffic.is_trusted());
        open.earn_trust();
        assert!(traffic.is_trusted());
    }

    #[test]
    fn trust_is_lost_by_frames_without_telemetry() {
        let traffic = traffic();
        let open = Open::new(&traffic);
        for round in 0..3 {
            open.earn_trust();
            (0..TRUST).for_each(|_| traffic.arrived(&FRAME).unwrap());
            assert!(traffic.is_trusted(), "in round {round}");
        }
        traffic.arrived(&FRAME).unwrap();
        assert!(!traffic.is_trusted());
    }
}
