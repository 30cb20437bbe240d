//! Turns for connections that have yet to bring telemetry: they come after those that do. However
//! many there are and whatever they send, nobody else waits for more than a few of their turns.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::lock::lock;

/// How long turns are given before the network is asked for others who have something: little beside
/// the time that a request takes, and much beside what it costs to ask.
const ROUND: Duration = Duration::from_micros(200);

#[derive(Default)]
pub struct Turns {
    queue: Mutex<Queue>,
    has_joined: Notify,
}

#[derive(Default)]
struct Queue {
    /// Places that have had their turns, of all that ever were.
    served: u64,
    waiting: VecDeque<Waker>,
}

impl Queue {
    fn join(&mut self, waker: &Waker) -> u64 {
        self.waiting.push_back(waker.clone());
        self.served + self.waiting.len() as u64 - 1
    }
}

impl Turns {
    /// Give turns for as long as the server runs, and `rest` whenever others come first.
    pub async fn give(&self, rest: impl Fn()) {
        loop {
            self.has_joined.notified().await;
            let mut began = Instant::now();
            while let Some(waker) = self.next() {
                waker.wake();
                let_others_run().await;
                if began.elapsed() > ROUND {
                    rest();
                    yield_now().await;
                    began = Instant::now();
                }
            }
        }
    }

    /// Ready when it is this one's turn, and then until it ends.
    pub fn poll(&self, turn: &mut Turn, cx: &Context<'_>) -> Poll<()> {
        let mut queue = lock(&self.queue);
        let place = *turn.place.get_or_insert_with(|| {
            self.has_joined.notify_one();
            queue.join(cx.waker())
        });
        if place < queue.served { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Wait for a turn that is over at once.
    pub async fn pass(&self) {
        let mut turn = Turn::default();
        poll_fn(|cx| self.poll(&mut turn, cx)).await;
    }

    fn next(&self) -> Option<Waker> {
        let mut queue = lock(&self.queue);
        let next = queue.waiting.pop_front()?;
        queue.served += 1;
        Some(next)
    }
}

/// A place among those who wait, and then a turn.
#[derive(Default)]
pub struct Turn {
    place: Option<u64>,
}

impl Turn {
    pub fn end(&mut self) {
        self.place = None;
    }
}

/// Go on after everything that is ready now, without asking the network for more.
async fn let_others_run() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::thread;

    use tokio::runtime::Builder;
    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    /// How often the usher rested while so many had turns of that length, which came in order.
    fn rests(strangers: usize, length: Duration) -> usize {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let (turns, rests, had) = (Rc::new(Turns::default()), Rc::default(), Rc::default());
        let usher = (Rc::clone(&turns), Rc::<Cell<usize>>::clone(&rests));
        LocalSet::new().block_on(&runtime, async {
            spawn_local(async move { usher.0.give(|| usher.1.set(usher.1.get() + 1)).await });
            let all: Vec<_> = (0..strangers)
                .map(|number| {
                    let (turns, had) = (Rc::clone(&turns), Rc::<Cell<usize>>::clone(&had));
                    spawn_local(async move {
                        turns.pass().await;
                        assert_eq!(had.replace(number + 1), number);
                        thread::sleep(length);
                    })
                })
                .collect();
            for stranger in all {
                stranger.await.unwrap();
            }
        });
        rests.get()
    }

    #[test]
    fn others_come_between_turns_that_take_long() {
        assert!(rests(8, 2 * ROUND) >= 7);
    }

    #[test]
    fn short_turns_are_given_in_a_row() {
        assert!(rests(1000, Duration::ZERO) < 500);
    }

    #[test]
    fn a_turn_is_over_when_it_ends() {
        let (turns, mut turn) = (Turns::default(), Turn::default());
        let cx = Context::from_waker(Waker::noop());
        assert!(turns.poll(&mut turn, &cx).is_pending());
        assert!(turns.next().is_some());
        assert!(turns.poll(&mut turn, &cx).is_ready());
        turn.end();
        assert!(turns.poll(&mut turn, &cx).is_pending());
    }
}
