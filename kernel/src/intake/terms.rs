//! What a listening address offers to its clients and asks of them.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;

use super::cors::Cors;
use super::frames::Manners;
use super::tls::{Acceptor, Tls};

/// Settings of a listening address; a duration that is absent has no end.
pub struct Settings {
    pub tls: Option<Acceptor>,
    pub cors: Option<Cors>,
    /// For a head or a frame, from its first byte.
    pub header_timeout: Option<Duration>,
    /// For a body, from its head.
    pub read_timeout: Option<Duration>,
    /// For an answer, from when it is known.
    pub write_timeout: Option<Duration>,
    /// Without a request.
    pub idle_timeout: Option<Duration>,
    pub max_age: Option<Duration>,
    pub max_age_grace: Option<Duration>,
    /// Without a frame, until a client is pinged, and then until it must have answered.
    pub ping_interval: Option<Duration>,
    pub ping_timeout: Duration,
    pub manners: Manners,
    pub max_streams: u32,
    /// Whether an HTTP/1 connection takes more than one request.
    pub keep_alive: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tls: None,
            cors: None,
            header_timeout: Some(Duration::from_secs(60)),
            read_timeout: Some(Duration::from_secs(60)),
            write_timeout: Some(Duration::from_secs(30)),
            idle_timeout: None,
            max_age: None,
            max_age_grace: None,
            ping_interval: Some(Duration::from_secs(7200)),
            ping_timeout: Duration::from_secs(20),
            manners: Manners {
                min_ping_interval: Duration::from_secs(300),
                ping_without_stream: false,
            },
            max_streams: 1000,
            keep_alive: true,
        }
    }
}

#[pyclass(frozen, module = "penstock._kernel")]
pub struct Terms(pub Arc<Settings>);

#[pymethods]
impl Terms {
    #[new]
    #[pyo3(signature = (
        *,
        tls = None,
        cors = None,
        header_timeout = 60.0,
        read_timeout = 60.0,
        write_timeout = 30.0,
        idle_timeout = 0.0,
        max_connection_age = 0.0,
        max_connection_age_grace = 0.0,
        ping_interval = 7200.0,
        ping_timeout = 20.0,
        min_ping_interval = 300.0,
        ping_without_stream = false,
        max_concurrent_streams = 100,
        keep_alive = true,
    ))]
    #[allow(clippy::too_many_arguments)] // they are named where they are given
    fn new(
        tls: Option<&Tls>,
        cors: Option<&Cors>,
        header_timeout: f64,
        read_timeout: f64,
        write_timeout: f64,
        idle_timeout: f64,
        max_connection_age: f64,
        max_connection_age_grace: f64,
        ping_interval: f64,
        ping_timeout: f64,
        min_ping_interval: f64,
        ping_without_stream: bool,
        max_concurrent_streams: u32,
        keep_alive: bool,
    ) -> Self {
        Self(Arc::new(Settings {
            tls: tls.map(Tls::acceptor),
            cors: cors.cloned(),
            header_timeout: limit(header_timeout),
            read_timeout: limit(read_timeout),
            write_timeout: limit(write_timeout),
            idle_timeout: limit(idle_timeout),
            max_age: limit(max_connection_age),
            max_age_grace: limit(max_connection_age_grace),
            ping_interval: limit(ping_interval),
            ping_timeout: seconds(ping_timeout),
            manners: Manners { min_ping_interval: seconds(min_ping_interval), ping_without_stream },
            max_streams: max_concurrent_streams,
            keep_alive,
        }))
    }
}

/// The longest time that timers are set for: what is longer has no end.
const FOR_EVER: f64 = 10.0 * 365.0 * 86_400.0;

fn limit(value: f64) -> Option<Duration> {
    (value > 0.0 && value < FOR_EVER).then(|| seconds(value))
}

fn seconds(value: f64) -> Duration {
    Duration::from_secs_f64(value.clamp(0.0, FOR_EVER))
}
