//! The OTLP server as Python sees it: groups of requests to take, and verdicts to give.

mod answer;
mod arrivals;
mod auth;
mod body;
mod connection;
mod cors;
pub mod decompress;
mod ending;
mod event;
mod frames;
mod group;
mod head;
mod inbox;
pub mod listener;
mod server;
mod service;
mod socket;
mod terms;
mod tls;
mod traffic;
mod turns;
mod warning;

use std::collections::HashMap;
use std::io::{self, PipeReader, Read};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use tokio::sync::oneshot;

use crate::batch::Batch;
use crate::lock::lock;
use crate::schema::Signal;
use answer::Refusal;
use arrivals::Arrivals;
pub use auth::{Claim, Gate};
pub use cors::Cors;
use ending::ENDINGS;
use event::EVENTS;
use group::{Hold, Shared, Verdict};
use listener::Bound;
use service::Service;
pub use terms::Terms;
pub use tls::Tls;

#[pyclass(frozen, module = "penstock._kernel")]
pub struct Intake {
    service: Service,
    wake: Mutex<PipeReader>,
    wake_fd: i32,
    /// Each with how requests are served there.
    listeners: Mutex<Vec<(Bound, Arc<Service>)>>,
    thread: Mutex<Option<JoinHandle<io::Result<()>>>>,
    grace: Arc<Mutex<Duration>>,
}

#[pymethods]
impl Intake {
    #[new]
    #[pyo3(signature = (*, routes, max_grpc_bytes, max_http_bytes, max_waiting_bytes))]
    fn new(
        routes: HashMap<String, String>,
        max_grpc_bytes: usize,
        max_http_bytes: usize,
        max_waiting_bytes: usize,
    ) -> PyResult<Self> {
        let (wake, announce) = io::pipe()?;
        let routes = routes
            .into_iter()
            .map(|(path, name)| Ok((path, known(&name)?)))
            .collect::<PyResult<_>>()?;
        let shared = Arc::new(Shared::new(announce, max_waiting_bytes));
        Ok(Self {
            service: Service {
                shared,
                max_grpc: max_grpc_bytes,
                max_http: max_http_bytes,
                routes,
                guard: None,
                settings: Arc::default(),
            },
            wake_fd: wake.as_raw_fd(),
            wake: Mutex::new(wake),
            listeners: Mutex::default(),
            thread: Mutex::default(),
            grace: Arc::default(),
        })
    }

    /// Listen on an address and return its port. An empty host means every interface. With a gate,
    /// only requests that it lets in are taken.
    #[pyo3(signature = (host, port, gate = None, terms = None, *, family = 0))]
    fn listen(
        &self,
        host: &str,
        port: u16,
        gate: Option<&Gate>,
        terms: Option<&Terms>,
        family: u8,
    ) -> PyResult<u16> {
        let (bound, port) = Bound::tcp(host, port, family)?;
        self.add(bound, gate, terms);
        Ok(port)
    }

    /// Listen on a unix socket at a path, which gets those permissions.
    #[pyo3(signature = (path, gate = None, terms = None, *, permissions = 0o600))]
    fn listen_unix(
        &self,
        path: PathBuf,
        gate: Option<&Gate>,
        terms: Option<&Terms>,
        permissions: u32,
    ) -> PyResult<()> {
        self.add(Bound::unix(&path, permissions)?, gate, terms);
        Ok(())
    }

    fn start(&self) -> PyResult<()> {
        let mut thread = lock(&self.thread);
        if thread.is_some() {
            return Err(PyRuntimeError::new_err("the intake has been started"));
        }
        let listeners = std::mem::take(&mut *lock(&self.listeners));
        let (service, grace) = (self.service.clone(), Arc::clone(&self.grace));
        let serve = move || server::serve(&service, listeners, &|| *lock(&grace));
        *thread = Some(std::thread::Builder::new().name("penstock-intake".into()).spawn(serve)?);
        Ok(())
    }

    /// A file descriptor that is readable when `take` has something.
    fn fileno(&self) -> i32 {
        self.wake_fd
    }

    /// Answer up to that many bytes of requests before they are taken; 0 answers none.
    fn grant(&self, credit: usize) {
        self.service.shared.grant(credit);
    }

    /// Everything that has arrived: at most two groups per signal, one of them answered.
    fn take(&self) -> PyResult<Vec<Group>> {
        let (announced, groups) = self.service.shared.take();
        if announced {
            lock(&self.wake).read_exact(&mut [0])?;
        }
        Ok(groups
            .into_iter()
            .filter(|arrivals| !arrivals.is_empty())
            .map(|arrivals| Group::new(Arc::clone(&self.service.shared), arrivals))
            .collect())
    }

    /// Say this to the senders of a signal with every answer that is a success, for so many seconds.
    fn warn(&self, signal: &str, message: String, seconds: f64) -> PyResult<()> {
        let signal = known(signal)?.position();
        self.service.shared.warnings.set(signal, message, seconds);
        Ok(())
    }

    /// What the server turned away by itself, by reason, and the connections it accepted.
    fn stats(&self) -> HashMap<&'static str, u64> {
        EVENTS.iter().map(|(name, event)| (*name, self.service.shared.stats.read(*event))).collect()
    }

    /// The connections that the server ended by itself, by reason.
    fn endings(&self) -> HashMap<&'static str, u64> {
        let endings = &self.service.shared.endings;
        ENDINGS.iter().map(|(name, ending)| (*name, endings.read(*ending))).collect()
    }

    /// Stop listening; return when every open request is answered or `grace` seconds are over.
    fn stop(&self, py: Python<'_>, grace: f64) -> PyResult<()> {
        lock(&self.listeners).clear();
        let Some(thread) = lock(&self.thread).take() else { return Ok(()) };
        *lock(&self.grace) = Duration::try_from_secs_f64(grace).unwrap_or_default();
        self.service.shared.stopping.notify_one();
        match py.detach(|| thread.join()) {
            Ok(served) => Ok(served?),
            Err(_) => Err(PyRuntimeError::new_err("the intake's thread panicked")),
        }
    }
}

fn known(signal: &str) -> PyResult<&'static Signal> {
    Signal::by_name(signal)
        .ok_or_else(|| PyValueError::new_err(format!("{signal} is not a signal")))
}

impl Intake {
    fn add(&self, bound: Bound, gate: Option<&Gate>, terms: Option<&Terms>) {
        let service = Service {
            guard: gate.map(|gate| Arc::clone(&gate.guard)),
            settings: terms.map_or_else(Arc::default, |terms| Arc::clone(&terms.0)),
            ..self.service.clone()
        };
        lock(&self.listeners).push((bound, Arc::new(service)));
    }
}

/// Requests that arrived together. Whatever happens to it, its senders get an answer.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Group {
    shared: Arc<Shared>,
    batch: Batch,
    /// Items and requests by transport: gRPC, then HTTP.
    came: [(usize, usize); 2],
    peers: Vec<(Option<IpAddr>, usize)>,
    #[pyo3(get)]
    answered: bool,
    /// Taken away with the verdict, and with it what the requests hold.
    open: Mutex<(Vec<oneshot::Sender<Verdict>>, Option<Hold>)>,
}

impl Group {
    fn new(shared: Arc<Shared>, arrivals: Arrivals) -> Self {
        Self {
            shared,
            batch: Batch::new(arrivals.payloads.into_iter().map(Arc::new).collect()),
            came: arrivals.came,
            peers: arrivals.peers,
            answered: arrivals.senders.is_empty(),
            open: Mutex::new((arrivals.senders, arrivals.hold)),
        }
    }

    fn deliver(&self, verdict: Verdict) {
        let (senders, _released) = std::mem::take(&mut *lock(&self.open));
        if !senders.is_empty() {
            self.shared.deliver(verdict, senders);
        }
    }
}

#[pymethods]
impl Group {
    #[getter]
    fn batch(&self) -> Batch {
        self.batch.clone()
    }

    /// Items and requests by transport.
    #[getter]
    fn transports(&self) -> HashMap<&'static str, (usize, usize)> {
        let counts = ["grpc", "http"].into_iter().zip(self.came);
        counts.filter(|(_, (_, requests))| *requests > 0).collect()
    }

    /// Who sent the items, in their order: how many in a row are from the same address.
    fn peers(&self) -> Vec<(Option<String>, usize)> {
        self.peers.iter().map(|(peer, items)| (peer.map(|it| it.to_string()), *items)).collect()
    }

    /// Tell the senders that everything was taken; or, where they have been told, that it is true.
    fn accept(&self) {
        self.deliver(Ok(()));
    }

    /// Tell the senders to try again after so many seconds.
    fn refuse(&self, message: String, retry_after: f64) {
        self.deliver(Err(Arc::new(Refusal::retry(message, retry_after))));
    }

    /// Tell the senders never to send this again.
    fn reject(&self, message: String) {
        self.deliver(Err(Arc::new(Refusal::invalid(message))));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.deliver(Err(Arc::new(Refusal::retry("the receiver gave no verdict", 1.0))));
    }
}
