//! One connection, from when it is accepted to its end.

use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::ending::Ending;
use super::inbox::Inbox;
use super::listener::Stream;
use super::service::Service;
use super::socket::{Channel, Socket};
use super::terms::Settings;
use super::tls;
use super::traffic::{Open, Traffic};

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// Windows that let a sender of large batches never wait for ours (measured: 512-span requests).
const STREAM_WINDOW: u32 = 4 * MIB;
const CONNECTION_WINDOW: u32 = 16 * MIB;
/// The least that the protocol allows, since a connection holds a frame that is not whole.
const FRAME_SIZE: u32 = 16 * KIB;

/// Of HTTP/1 heads.
const HEADER_BUFFER: usize = 64 * KIB as usize;
/// Of HTTP/2 heads; the service counts and refuses what is over half of it.
const MAX_HEADER_LIST: u32 = 128 * KIB;
/// Streams that a peer reset before we accepted them, and that we reset for its errors, before the
/// connection is closed with `ENHANCE_YOUR_CALM` (CVE-2023-44487, CVE-2025-8671).
const MAX_PENDING_RESETS: usize = 20;
const MAX_LOCAL_RESETS: usize = 100;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection that is to end may take to bring a request that was under way.
const SETTLING: Duration = Duration::from_secs(1);

/// A connection's age limit is up to a tenth shorter or longer, so that those that began together do
/// not end together.
const JITTER: f64 = 0.1;

/// How an address is served: made once, used for every connection.
pub struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    pub fn new(settings: &Settings) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(None) // `Traffic::deadline` tells it from an idle connection
            .keep_alive(settings.keep_alive)
            .max_buf_size(HEADER_BUFFER);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME_SIZE)
            .max_concurrent_streams(settings.max_streams)
            .max_header_list_size(MAX_HEADER_LIST)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_LOCAL_RESETS)
            .keep_alive_interval(settings.ping_interval)
            .keep_alive_timeout(settings.ping_timeout);
        Self { http1, http2 }
    }
}

/// Serve a connection until it ends; once `stopping` says so, only what it has begun.
pub async fn serve(
    stream: Stream,
    service: Arc<Service>,
    protocols: Arc<Protocols>,
    mut stopping: watch::Receiver<bool>,
) {
    let traffic = Arc::new(Traffic::new(&service.shared, &service.settings, stream.peer()));
    let mut stopped = pin!(stopping.wait_for(|stopping| *stopping));
    let meeting = meet(stream, Arc::clone(&traffic), &service.settings);
    let (socket, is_http2) = match unless(stopped.as_mut(), Box::pin(meeting)).await {
        Some(Ok(met)) => met,
        Some(Err(Some(ending))) => return service.shared.endings.count(ending),
        _ => return,
    };
    let overseer = Overseer::new(Arc::clone(&traffic), &service.settings);
    let answer =
        service_fn(move |request| Arc::clone(&service).answer(request, Open::new(&traffic)));
    if is_http2 {
        let connection = Box::pin(protocols.http2.serve_connection(socket, answer));
        overseer.run(connection, http2::Connection::graceful_shutdown, stopped).await;
    } else {
        let connection = Box::pin(protocols.http1.serve_connection(socket, answer));
        overseer.run(connection, http1::Connection::graceful_shutdown, stopped).await;
    }
}

/// What a future comes to, `None` if another one is sooner.
async fn unless<T>(
    mut sooner: Pin<&mut impl Future>,
    mut future: Pin<Box<impl Future<Output = T>>>,
) -> Option<T> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => sooner.as_mut().poll(cx).map(|_| None),
    })
    .await
}

/// Agree with a client on encryption and on HTTP's version; tells whether that is 2.
async fn meet(
    stream: Stream,
    traffic: Arc<Traffic>,
    settings: &Settings,
) -> Result<(Socket, bool), Option<Ending>> {
    let inbox = Inbox::new(stream, &traffic);
    let channel = match &settings.tls {
        None => Channel::Clear(inbox),
        Some(acceptor) => {
            let limit = settings.header_timeout.unwrap_or(HANDSHAKE_TIMEOUT).min(HANDSHAKE_TIMEOUT);
            let handshake = timeout(limit, acceptor.accept(inbox)).await;
            Channel::Tls(handshake.map_err(|_| Ending::TlsHandshakeTimeout)??)
        }
    };
    let agreed = channel.agreed().map(|protocol| protocol == tls::HTTP2);
    let mut socket = Socket::new(channel, Arc::clone(&traffic));
    let is_http2 = if let Some(is_http2) = agreed {
        is_http2
    } else {
        let telling = poll_fn(|cx| socket.poll_is_http2(cx));
        let told = timeout(settings.header_timeout.unwrap_or(Duration::MAX), telling).await;
        told.map_err(|_| Ending::HeaderTimeout)?.map_err(|_| None)?
    };
    if is_http2 {
        traffic.is_http2();
    }
    Ok((socket, is_http2))
}

/// Sees to it that a connection keeps its deadlines, and ends it in good order.
struct Overseer {
    traffic: Arc<Traffic>,
    retires: Option<Instant>,
    grace: Option<Duration>,
    /// Since when the connection is to end, and when it must have.
    ending: Option<(Instant, Option<Instant>)>,
    is_stopped: bool,
    /// Deadlines are looked at so often that none that begins after a look is missed.
    pace: Duration,
    timer: Pin<Box<Sleep>>,
}

enum Order {
    WindDown,
    Drop,
}

impl Overseer {
    fn new(traffic: Arc<Traffic>, settings: &Settings) -> Self {
        let now = Instant::now();
        let pace = traffic.shortest_deadline();
        let retires = settings.max_age.map(|age| now + age.mul_f64(1.0 + JITTER * random()));
        let first = retires.map_or(now + pace, |retires| retires.min(now + pace));
        Self {
            traffic,
            retires,
            grace: settings.max_age_grace,
            ending: None,
            is_stopped: false,
            pace,
            timer: Box::pin(sleep_until(first)),
        }
    }

    async fn run<C: Future<Output = hyper::Result<()>>>(
        mut self,
        mut connection: Pin<Box<C>>,
        wind_down: fn(Pin<&mut C>),
        mut stopped: Pin<&mut impl Future>,
    ) {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
                    let ending = outcome.err().and_then(|error| Ending::of(&error));
                    ending.inspect(|ending| self.traffic.shared.endings.count(*ending));
                    return Poll::Ready(());
                }
                match ready!(self.poll_order(cx, stopped.as_mut())) {
                    Order::WindDown => wind_down(connection.as_mut()),
                    Order::Drop => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    fn poll_order(&mut self, cx: &mut Context<'_>, stopped: Pin<&mut impl Future>) -> Poll<Order> {
        if !self.is_stopped && stopped.poll(cx).is_ready() {
            let now = Instant::now();
            self.is_stopped = true;
            self.ending = Some((now, None));
            self.timer.as_mut().reset(now);
            return Poll::Ready(Order::WindDown);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            match self.due() {
                Some((due, ending)) if due <= now => return Poll::Ready(self.end(ending, now)),
                due => {
                    let look = now + if self.ending.is_some() { SETTLING } else { self.pace };
                    self.timer.as_mut().reset(due.map_or(look, |(due, _)| due.min(look)));
                }
            }
        }
    }

    /// When what comes to its end: the time that a client has for something, or the connection.
    fn due(&self) -> Option<(Instant, Option<Ending>)> {
        let over = self.traffic.deadline(self.ending.is_none());
        let over = over.map(|(due, ending)| (due, Some(ending)));
        let last = match self.ending {
            None => self.retires.map(|due| (due, Some(Ending::MaxAge))),
            Some((since, until)) => {
                let settled = self.traffic.idle_since().map(|idle| idle.max(since) + SETTLING);
                settled.into_iter().chain(until).min().map(|due| (due, None))
            }
        };
        over.into_iter().chain(last).min_by_key(|(due, _)| *due)
    }

    fn end(&mut self, ending: Option<Ending>, now: Instant) -> Order {
        if self.ending.is_some() {
            return Order::Drop;
        }
        self.ending = Some((now, self.grace.map(|grace| now + grace)));
        ending.inspect(|ending| self.traffic.shared.endings.count(*ending));
        let in_order = matches!(ending, Some(Ending::IdleTimeout | Ending::MaxAge));
        if in_order { Order::WindDown } else { Order::Drop }
    }
}

/// From -1 to 1.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    bits as f64 / u64::MAX as f64 * 2.0 - 1.0
}
