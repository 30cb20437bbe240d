//! Whose requests are taken: credentials that Python has judged are known here, others are put to it.
//!
//! Known ones are found by a keyed hash of their headers. So a request costs no call of Python, and
//! the time it takes tells nothing about how much of a guess was right.

use std::collections::{HashMap, HashSet};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ring::{hmac, rand};
use tokio::sync::oneshot;

use crate::lock::lock;

/// Bytes of one request's credentials: more than tokens have.
const MAX_CREDENTIALS: usize = 16 * 1024;

/// Credentials that may wait for a ruling, and requests that may wait for those.
const MAX_CLAIMS: usize = 512;
const MAX_ASKERS: usize = 4096;

/// Credentials that are remembered, of either kind.
const MAX_REMEMBERED: usize = 4096;

/// How long a refusal is remembered: senders repeat what is wrong, and to judge a password is work.
const DISTRUST: Duration = Duration::from_secs(10);

/// How long a request waits for a ruling: what a stranger sends meanwhile is kept by the HTTP library
/// and not counted by us. It is then told to try again, by when the ruling will be known.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    Accepted,
    Refused,
    /// Nobody could say, for now.
    Undecided,
}

type Digest = [u8; 32];
type Answer = oneshot::Receiver<Ruling>;

/// What the server's thread and the event loop's thread share about credentials.
pub struct Guard {
    names: Vec<HeaderName>,
    /// Tells who is refused how to ask: the value of `WWW-Authenticate`.
    pub challenge: HeaderValue,
    /// How long an accepted credential is remembered; without it, until credentials change.
    trust: Option<Duration>,
    key: hmac::Key,
    state: Mutex<State>,
    wake: PipeWriter,
}

#[derive(Default)]
struct State {
    /// Goes up when credentials change: rulings that were under way are void.
    epoch: u64,
    accepted: Memory,
    refused: Memory,
    /// Not yet taken by Python.
    claims: Vec<(Digest, HashMap<String, Vec<String>>)>,
    askers: HashMap<Digest, Vec<oneshot::Sender<Ruling>>>,
    waiting: usize,
    announced: bool,
}

impl Guard {
    /// What is to become of a request with these headers.
    pub async fn rule(&self, headers: &HeaderMap) -> Ruling {
        let Some(digest) = self.digest(headers) else { return Ruling::Refused };
        match self.look_up(digest, headers) {
            Ok(ruling) => ruling,
            Err(answer) => match tokio::time::timeout(PATIENCE, answer).await {
                Ok(Ok(ruling)) => ruling,
                _ => Ruling::Undecided,
            },
        }
    }

    /// `None` for a request without credentials, or with more of them than anybody has.
    fn digest(&self, headers: &HeaderMap) -> Option<Digest> {
        let (mut hash, mut bytes) = (hmac::Context::with_key(&self.key), 0);
        for (index, name) in (0u64..).zip(&self.names) {
            for value in headers.get_all(name) {
                hash.update(&index.to_le_bytes());
                hash.update(&(value.len() as u64).to_le_bytes());
                hash.update(value.as_bytes());
                bytes += value.len();
            }
        }
        let digest = || hash.sign().as_ref().try_into().ok();
        if (1..=MAX_CREDENTIALS).contains(&bytes) { digest() } else { None }
    }

    /// The ruling, or where it will arrive.
    fn look_up(&self, digest: Digest, headers: &HeaderMap) -> Result<Ruling, Answer> {
        let mut state = lock(&self.state);
        let known = state.known(&digest);
        if let Some(ruling) = known {
            return Ok(ruling);
        }
        let is_new = !state.askers.contains_key(&digest);
        if state.waiting >= MAX_ASKERS || (is_new && state.askers.len() >= MAX_CLAIMS) {
            return Ok(Ruling::Undecided);
        }
        let (asker, answer) = oneshot::channel();
        state.waiting += 1;
        state.askers.entry(digest).or_default().push(asker);
        if is_new {
            state.claims.push((digest, self.credentials(headers)));
            let announced = std::mem::replace(&mut state.announced, true);
            // Whoever is woken by the byte takes the lock at once: it must be free by then.
            drop(state);
            if !announced {
                let _ = (&self.wake).write_all(&[1]);
            }
        }
        Err(answer)
    }

    fn credentials(&self, headers: &HeaderMap) -> HashMap<String, Vec<String>> {
        let values = |name| headers.get_all(name).iter().map(latin1).collect();
        self.names.iter().map(|name| (name.to_string(), values(name))).collect()
    }

    fn decide(&self, digest: &Digest, epoch: u64, ruling: Ruling) {
        let mut state = lock(&self.state);
        if state.epoch != epoch {
            return;
        }
        match ruling {
            Ruling::Accepted => state.accepted.add(*digest, self.trust),
            Ruling::Refused => state.refused.add(*digest, Some(DISTRUST)),
            Ruling::Undecided => {}
        }
        let askers = state.askers.remove(digest).unwrap_or_default();
        state.waiting -= askers.len();
        drop(state);
        for asker in askers {
            // A sender that has gone has no use for the ruling.
            let _ = asker.send(ruling);
        }
    }
}

impl State {
    fn known(&mut self, digest: &Digest) -> Option<Ruling> {
        if self.accepted.holds(digest) {
            return Some(Ruling::Accepted);
        }
        self.refused.holds(digest).then_some(Ruling::Refused)
    }
}

/// Bytes of a header as text, one character each.
fn latin1(value: &HeaderValue) -> String {
    value.as_bytes().iter().map(|byte| char::from(*byte)).collect()
}

/// Credentials by their digests, until a moment or for ever.
#[derive(Default)]
struct Memory(HashMap<Digest, Option<Instant>>);

impl Memory {
    fn add(&mut self, digest: Digest, keep: Option<Duration>) {
        if self.0.len() >= MAX_REMEMBERED {
            // Which one goes is chance: digests lie in no order that anybody could know.
            let some = self.0.keys().next().copied();
            some.and_then(|digest| self.0.remove(&digest));
        }
        self.0.insert(digest, keep.map(|keep| Instant::now() + keep));
    }

    fn holds(&mut self, digest: &Digest) -> bool {
        let Some(until) = self.0.get(digest) else { return false };
        let holds = until.is_none_or(|until| Instant::now() < until);
        if !holds {
            self.0.remove(digest);
        }
        holds
    }
}

/// Lets in the requests whose credentials Python accepts. Listeners ask it before they read a body.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Gate {
    pub guard: Arc<Guard>,
    announcements: Mutex<PipeReader>,
    wake_fd: i32,
}

#[pymethods]
impl Gate {
    #[new]
    #[pyo3(signature = (*, headers, challenge, trust = None))]
    fn new(headers: HashSet<String>, challenge: &str, trust: Option<f64>) -> PyResult<Self> {
        let names = headers.iter().map(|name| name.parse().map_err(as_value_error));
        let trust = trust.map(Duration::try_from_secs_f64).transpose().map_err(as_value_error)?;
        let (announcements, wake) = io::pipe()?;
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new());
        let guard = Guard {
            names: names.collect::<PyResult<_>>()?,
            challenge: HeaderValue::from_str(challenge).map_err(as_value_error)?,
            trust,
            key: key.map_err(|_| io::Error::other("the system gives no random numbers"))?,
            state: Mutex::default(),
            wake,
        };
        Ok(Self {
            guard: Arc::new(guard),
            wake_fd: announcements.as_raw_fd(),
            announcements: Mutex::new(announcements),
        })
    }

    /// A file descriptor that is readable when `take` has something.
    fn fileno(&self) -> i32 {
        self.wake_fd
    }

    /// Credentials that wait for a ruling.
    fn take(&self) -> PyResult<Vec<Claim>> {
        let mut state = lock(&self.guard.state);
        let (epoch, claims) = (state.epoch, std::mem::take(&mut state.claims));
        if std::mem::take(&mut state.announced) {
            lock(&self.announcements).read_exact(&mut [0])?;
        }
        let claim = |(digest, headers)| {
            let guard = Arc::clone(&self.guard);
            Claim { guard, digest, epoch, headers }
        };
        Ok(claims.into_iter().map(claim).collect())
    }

    /// Forget every ruling, those that are under way included: credentials have changed.
    fn forget(&self) {
        let mut state = lock(&self.guard.state);
        let (epoch, announced) = (state.epoch + 1, state.announced);
        *state = State { epoch, announced, ..State::default() };
    }
}

fn as_value_error(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Credentials that wait for a ruling. Whatever happens to it, those who sent them get an answer.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Claim {
    guard: Arc<Guard>,
    digest: Digest,
    epoch: u64,
    /// By lower-case name, every value in its order.
    #[pyo3(get)]
    headers: HashMap<String, Vec<String>>,
}

#[pymethods]
impl Claim {
    /// Let in who sent this, from now on.
    fn accept(&self) {
        self.guard.decide(&self.digest, self.epoch, Ruling::Accepted);
    }

    /// Turn away who sent this, for a while without asking again.
    fn refuse(&self) {
        self.guard.decide(&self.digest, self.epoch, Ruling::Refused);
    }

    /// Ask who sent this to try again.
    fn defer(&self) {
        self.guard.decide(&self.digest, self.epoch, Ruling::Undecided);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.defer();
    }
}
