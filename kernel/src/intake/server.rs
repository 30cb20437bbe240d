//! The server's thread: sockets in, answers out, nothing else.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::frames;
use super::group::Event;
use super::service::Service;
use super::socket::{Open, Socket, Traffic};
use crate::memory;

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// Windows that let a sender of large batches never wait for ours (measured: 512-span requests).
const STREAM_WINDOW: u32 = 4 * MIB;
const CONNECTION_WINDOW: u32 = 16 * MIB;
const FRAME_SIZE: u32 = MIB;

const MAX_STREAMS: u32 = 1_000;
const MAX_HEADER_LIST: u32 = 64 * KIB;
/// Streams that a peer reset before we accepted them, and that we reset for its errors, before the
/// connection is closed with `ENHANCE_YOUR_CALM` (CVE-2023-44487, CVE-2025-8671).
const MAX_PENDING_RESETS: usize = 20;
const MAX_LOCAL_RESETS: usize = 100;

/// Connections at a time; more wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 16_384;

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before accepting again when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

fn protocols() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(256 * KIB as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS);
    builder
}

/// Serve until `Shared::stopping`, then for at most `grace` until every open request is answered.
pub fn serve(
    service: &Service,
    listeners: Vec<(std::net::TcpListener, Arc<Service>)>,
    grace: &dyn Fn() -> Duration,
) -> io::Result<()> {
    let announcer = Arc::clone(&service.shared);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        // The event loop is woken when every socket that had something has been read.
        .on_thread_park(move || announcer.announce(false))
        .build()?;
    runtime.block_on(async {
        let (shared, gatherer) = (Arc::clone(&service.shared), Arc::clone(&service.shared));
        let herald = tokio::spawn(async move { shared.proclaim().await });
        let gathering = tokio::spawn(async move { gatherer.gather().await });
        let giving = tokio::spawn(memory::give_back_when_asked());
        let graceful = Arc::new(GracefulShutdown::new());
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut acceptors = JoinSet::new();
        for (listener, service) in listeners {
            acceptors.spawn(accept(
                TcpListener::from_std(listener)?,
                service,
                Arc::clone(&slots),
                Arc::clone(&graceful),
            ));
        }
        service.shared.stopping.notified().await;
        acceptors.shutdown().await;
        if let Some(graceful) = Arc::into_inner(graceful) {
            let _ = tokio::time::timeout(grace(), graceful.shutdown()).await;
        }
        herald.abort();
        gathering.abort();
        giving.abort();
        service.shared.announce(true);
        Ok(())
    })
}

/// Take connections, each into a task of its own, for ever.
async fn accept(
    listener: TcpListener,
    service: Arc<Service>,
    slots: Arc<Semaphore>,
    graceful: Arc<GracefulShutdown>,
) {
    let protocols = protocols();
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        service.shared.stats.count(Event::Connections);
        // Answers are small and somebody waits for them.
        let _ = socket.set_nodelay(true);
        let (service, shared) = (Arc::clone(&service), Arc::clone(&service.shared));
        let traffic = Arc::new(Traffic::default());
        let socket = Socket::new(socket, Arc::clone(&service.shared), Arc::clone(&traffic));
        let answer =
            service_fn(move |request| Arc::clone(&service).answer(request, Open::new(&traffic)));
        let connection = protocols.serve_connection(socket, answer).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await
                && let Some(event) = frames::breach(&*error)
            {
                shared.stats.count(event);
            }
            drop(slot);
        });
    }
}
