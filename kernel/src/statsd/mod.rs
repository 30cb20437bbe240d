//! `StatsD` as Python sees it: sockets that are read in threads, and the windows that what came adds
//! up to.

pub mod attributes;
mod datagrams;
pub mod directory;
pub mod encode;
pub mod event;
pub mod fault;
pub mod line;
pub mod logs;
pub mod mapping;
pub mod number;
pub mod observer;
pub mod samples;
pub mod series;
mod settings;
mod streams;
pub mod window;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::datagrams::Datagrams;
use self::encode::{Counters, Frame};
use self::settings::Settings;
use self::streams::{Bounds, Connections};
use self::window::{Taken, Window};
use crate::batch::{Batch, malformed};
use crate::intake::listener::Bound;
use crate::lock::lock;
use crate::memory;
use crate::payload::Payload;
use crate::schema::{LOGS, METRICS, Signal};

/// What threads share.
pub struct Shared {
    pub window: Mutex<Window>,
    pub connections: Connections,
}

/// Unix nanoseconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[pyclass(frozen, module = "penstock._kernel")]
pub struct Statsd {
    shared: Arc<Shared>,
    monotonic: bool,
    counters: Counters,
    version: String,
    stop: watch::Sender<bool>,
    /// What threads are to serve; each has one thread.
    bound: Mutex<Vec<Source>>,
    threads: Mutex<Vec<JoinHandle<io::Result<()>>>>,
    /// Sockets whose drops the system counts.
    sockets: Mutex<Vec<socket2::Socket>>,
    /// Drops of sockets that are no more.
    dropped: AtomicU64,
}

enum Source {
    Datagrams(Datagrams),
    Streams(Bound, Bounds),
}

#[pymethods]
impl Statsd {
    #[new]
    fn new(settings: Settings) -> PyResult<Self> {
        let (counters, monotonic) = (settings.counters()?, settings.monotonic);
        let version = settings.version.clone();
        let window = Mutex::new(settings.window()?);
        Ok(Self {
            shared: Arc::new(Shared { window, connections: Connections::default() }),
            monotonic,
            counters,
            version,
            stop: watch::Sender::new(false),
            bound: Mutex::default(),
            threads: Mutex::default(),
            sockets: Mutex::default(),
            dropped: AtomicU64::new(0),
        })
    }

    /// Take datagrams at an address, by so many sockets, and return its port.
    #[pyo3(signature = (host, port, *, family, sockets, buffer))]
    fn listen_udp(
        &self,
        host: &str,
        port: u16,
        family: u8,
        sockets: usize,
        buffer: usize,
    ) -> PyResult<u16> {
        let (bound, port) = datagrams::udp(host, port, family, sockets, buffer)?;
        bound.into_iter().try_for_each(|each| self.add(each))?;
        Ok(port)
    }

    /// Take datagrams at a path, which gets those permissions.
    #[pyo3(signature = (path, *, permissions, buffer))]
    fn listen_unixgram(&self, path: PathBuf, permissions: u32, buffer: usize) -> PyResult<()> {
        Ok(self.add(datagrams::unix(&path, permissions, buffer)?)?)
    }

    /// Take connections at an address, and return its port.
    #[pyo3(signature = (host, port, *, family, connections, idle))]
    fn listen_tcp(
        &self,
        host: &str,
        port: u16,
        family: u8,
        connections: usize,
        idle: f64,
    ) -> PyResult<u16> {
        let (bound, port) = Bound::tcp(host, port, family)?;
        lock(&self.bound).push(Source::Streams(bound, bounds(connections, idle)));
        Ok(port)
    }

    /// Take connections at a path, which gets those permissions.
    #[pyo3(signature = (path, *, permissions, connections, idle))]
    fn listen_unix(
        &self,
        path: PathBuf,
        permissions: u32,
        connections: usize,
        idle: f64,
    ) -> PyResult<()> {
        let bound = Bound::unix(&path, permissions)?;
        lock(&self.bound).push(Source::Streams(bound, bounds(connections, idle)));
        Ok(())
    }

    /// Begin to read.
    fn start(&self) -> PyResult<()> {
        for source in std::mem::take(&mut *lock(&self.bound)) {
            let (shared, stop) = (Arc::clone(&self.shared), self.stop.subscribe());
            let thread = std::thread::Builder::new().name("penstock-statsd".into());
            lock(&self.threads).push(thread.spawn(move || source.serve(shared, stop))?);
        }
        Ok(())
    }

    /// Read what has come, and no more.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.stop.send_replace(true);
        lock(&self.bound).clear();
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            match py.detach(|| thread.join()) {
                Ok(served) => served?,
                Err(_) => return Err(PyRuntimeError::new_err("a thread of statsd panicked")),
            }
        }
        for socket in lock(&self.sockets).drain(..) {
            let dropped = memory::dropped_datagrams(&socket).into();
            self.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether so much has come that it should be taken before its time.
    fn is_full(&self) -> bool {
        lock(&self.shared.window).is_full()
    }

    /// What has come since the last time, as metrics and as logs. Times are Unix nanoseconds.
    fn take(
        &self,
        py: Python<'_>,
        start: u64,
        end: u64,
    ) -> PyResult<(Option<Batch>, Option<Batch>)> {
        py.detach(|| {
            let taken = lock(&self.shared.window).take();
            self.encode(taken, start, end)
        })
        .map_err(|fault| malformed(py, fault))
    }

    /// What was counted since the start.
    fn stats(&self) -> HashMap<&'static str, u64> {
        let window = lock(&self.shared.window);
        let connections = &self.shared.connections;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HashMap::from([
            ("datagrams", window.counts.datagrams),
            ("lines", window.counts.lines),
            ("folded", window.counts.folded),
            ("series", window.series() as u64),
            ("overflowed", self.overflowed()),
            ("connections", read(&connections.accepted)),
            ("accept_failed", read(&connections.accept_failed)),
            ("connection_limit", read(&connections.full)),
            ("idle", read(&connections.idle)),
        ])
    }

    /// Lines that were dropped since the start, by reason.
    fn faults(&self) -> HashMap<&'static str, u64> {
        lock(&self.shared.window).faults.counts().collect()
    }

    /// A line of each reason for which some were dropped since this was asked for, made printable.
    fn examples(&self) -> Vec<(&'static str, String)> {
        lock(&self.shared.window).faults.take_examples()
    }
}

fn bounds(connections: usize, idle: f64) -> Bounds {
    Bounds { connections, idle: Duration::try_from_secs_f64(idle).unwrap_or(Duration::MAX) }
}

impl Statsd {
    fn add(&self, datagrams: Datagrams) -> io::Result<()> {
        lock(&self.sockets).push(datagrams.socket.try_clone()?);
        lock(&self.bound).push(Source::Datagrams(datagrams));
        Ok(())
    }

    /// Datagrams that the system dropped for want of room.
    fn overflowed(&self) -> u64 {
        let sockets = lock(&self.sockets);
        let now: u64 = sockets.iter().map(|it| u64::from(memory::dropped_datagrams(it))).sum();
        self.dropped.load(Ordering::Relaxed) + now
    }

    fn encode(
        &self,
        taken: Taken,
        start: u64,
        end: u64,
    ) -> crate::wire::Result<(Option<Batch>, Option<Batch>)> {
        let (monotonic, counters, version) = (self.monotonic, self.counters, &*self.version);
        let frame = Frame { start, end, monotonic, counters, version };
        let Taken { points, records } = taken;
        let metrics = (!points.is_empty()).then(|| encode::metrics(points, &frame));
        let logs = (!records.is_empty()).then(|| encode::logs(&records, version));
        Ok((batch(&METRICS, metrics)?, batch(&LOGS, logs)?))
    }
}

fn batch(signal: &'static Signal, bytes: Option<Vec<u8>>) -> crate::wire::Result<Option<Batch>> {
    let payload = bytes.map(|bytes| Payload::parse(signal, bytes)).transpose()?;
    Ok(payload.map(|payload| Batch::new(vec![Arc::new(payload)])))
}

impl Source {
    /// Until `stop` changes; a thread's work.
    fn serve(self, shared: Arc<Shared>, stop: watch::Receiver<bool>) -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut chores = JoinSet::new();
            chores.spawn(memory::give_back_when_asked());
            match self {
                Self::Datagrams(datagrams) => datagrams.serve(shared, stop).await,
                Self::Streams(bound, bounds) => streams::serve(bound, shared, bounds, stop).await,
            }
        })
    }
}
