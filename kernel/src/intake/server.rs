//! The server's thread: sockets in, answers out, nothing else.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::connection::{self, Protocols};
use super::event::Event;
use super::group::Shared;
use super::listener::{Bound, Listener};
use super::service::Service;
use crate::memory;

/// Connections at a time; more wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 16_384;

/// How long to wait before accepting again when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serve until `Shared::stopping`, then for at most `grace` until every open request is answered.
pub fn serve(
    service: &Service,
    listeners: Vec<(Bound, Arc<Service>)>,
    grace: &dyn Fn() -> Duration,
) -> io::Result<()> {
    let announcer = Arc::clone(&service.shared);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        // The event loop is woken when every socket that had something has been read.
        .on_thread_park(move || announcer.announce(false))
        .build()?;
    runtime.block_on(async {
        let mut chores = chores(&service.shared);
        let (stop, stopping) = watch::channel(false);
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut acceptors = JoinSet::new();
        for (listener, service) in listeners {
            let (slots, stopping) = (Arc::clone(&slots), stopping.clone());
            acceptors.spawn(accept(listener.open()?, service, slots, stopping));
        }
        drop(stopping);
        service.shared.stopping.notified().await;
        acceptors.shutdown().await;
        stop.send_replace(true);
        // It is closed when the last connection has dropped its end.
        let _ = tokio::time::timeout(grace(), stop.closed()).await;
        chores.shutdown().await;
        service.shared.announce(true);
        Ok(())
    })
}

/// What goes on beside the connections, for ever.
fn chores(shared: &Arc<Shared>) -> JoinSet<()> {
    let [herald, gatherer, usher] = std::array::from_fn(|_| Arc::clone(shared));
    let mut chores = JoinSet::new();
    chores.spawn(async move { herald.proclaim().await });
    chores.spawn(async move { gatherer.gather().await });
    // While turns are given the thread is not parked.
    chores.spawn(async move { usher.turns.give(|| usher.announce(false)).await });
    chores.spawn(memory::give_back_when_asked());
    chores
}

/// Take connections, each into a task of its own, for ever.
async fn accept(
    listener: Listener,
    service: Arc<Service>,
    slots: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
) {
    let protocols = Arc::new(Protocols::new(&service.settings));
    while let Some(slot) = take(&slots, &service).await {
        let Ok(stream) = listener.accept().await else {
            service.shared.stats.count(Event::AcceptFailed);
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        service.shared.stats.count(Event::Connections);
        service.shared.turns.pass().await;
        let (service, protocols) = (Arc::clone(&service), Arc::clone(&protocols));
        let stopping = stopping.clone();
        tokio::spawn(async move {
            connection::serve(stream, service, protocols, stopping).await;
            drop(slot);
        });
    }
}

/// A place for one more connection, as soon as there is one.
async fn take(slots: &Arc<Semaphore>, service: &Service) -> Option<OwnedSemaphorePermit> {
    if slots.available_permits() == 0 {
        service.shared.stats.count(Event::ConnectionLimit);
    }
    Arc::clone(slots).acquire_owned().await.ok()
}
