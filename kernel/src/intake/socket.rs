//! A connection's bytes: read in large pieces, written in few, and not read while the house is full.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::frames::{CALM_DOWN, Frames};
use super::group::{Event, Shared};

/// Bytes asked of a socket at once. The HTTP/2 library asks for a frame at a time, which costs four
/// times the system calls for a request of 512 spans.
const READ_SIZE: usize = 128 * 1024;

/// Bytes collected for one write before the socket must take them.
const WRITE_SIZE: usize = 64 * 1024;

/// How long the acknowledgement of a ping or of settings may wait to travel with an answer. Clients
/// that measure the bandwidth ping after every answer, which would double the writes.
const COMPANY: Duration = Duration::from_millis(2);

/// Fewer bytes than any answer has, and more than a few acknowledgements.
const ACKNOWLEDGEMENTS: usize = 128;

/// How long a sender is not listened to while too much waits; then it is heard once, so that what it
/// has begun to send is either completed or refused.
const PAUSE: Duration = Duration::from_millis(250);

thread_local! {
    /// A read buffer that no connection holds bytes in.
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// What a connection's requests tell its socket.
#[derive(Default)]
pub struct Traffic {
    /// An answer has been given and waits to be written.
    answered: AtomicBool,
}

/// A request's presence on its connection, from its head to its answer.
pub struct Open(Arc<Traffic>);

impl Open {
    pub fn new(traffic: &Arc<Traffic>) -> Self {
        Self(Arc::clone(traffic))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.answered.store(true, Ordering::Relaxed);
    }
}

pub struct Socket {
    stream: TcpStream,
    shared: Arc<Shared>,
    traffic: Arc<Traffic>,
    /// Bytes that were read and not yet asked for.
    unread: Option<(Box<[u8]>, Range<usize>)>,
    unwritten: Vec<u8>,
    frames: Frames,
    /// Bytes that were read without others having their turn.
    read_this_turn: usize,
    company: Option<Pin<Box<Sleep>>>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub fn new(stream: TcpStream, shared: Arc<Shared>, traffic: Arc<Traffic>) -> Self {
        Self {
            stream,
            shared,
            traffic,
            unread: None,
            unwritten: Vec::new(),
            frames: Frames::default(),
            read_this_turn: 0,
            company: None,
            pause: None,
        }
    }

    fn id(&self) -> usize {
        Arc::as_ptr(&self.traffic) as usize
    }

    /// Pending while too much waits, for at most `PAUSE`.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.shared.is_crowded() {
            self.pause = None;
            return Poll::Ready(());
        }
        self.shared.pause(self.id(), cx.waker());
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
        ready!(pause.as_mut().poll(cx));
        self.pause = None;
        Poll::Ready(())
    }

    /// Ready when the bytes to write must not wait for more.
    fn poll_company(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let answered = self.traffic.answered.swap(false, Ordering::Relaxed);
        if answered || self.unwritten.len() > ACKNOWLEDGEMENTS {
            self.company = None;
            return Poll::Ready(());
        }
        let company = self.company.get_or_insert_with(|| Box::pin(tokio::time::sleep(COMPANY)));
        ready!(company.as_mut().poll(cx));
        self.company = None;
        Poll::Ready(())
    }

    /// Pending once after every `READ_SIZE` bytes, which may be thousands of small frames: requests
    /// and other connections have their turn.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.read_this_turn < READ_SIZE {
            return Poll::Ready(());
        }
        self.read_this_turn = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// End a connection that is used for anything but requests.
    fn hang_up(&mut self, cx: &mut Context<'_>) -> io::Error {
        self.shared.stats.count(Event::Flooded);
        self.unwritten.extend_from_slice(CALM_DOWN);
        // If there is no room for the last words, nobody listens.
        let _ = self.poll_drain(cx);
        io::ErrorKind::ConnectionAborted.into()
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut written = 0;
        let outcome = loop {
            if written == self.unwritten.len() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.stream).poll_write(cx, &self.unwritten[written..]) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => written += n,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.unwritten.drain(..written);
        outcome
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.shared.forget(self.id());
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_none() {
            ready!(self.poll_room(cx));
            ready!(self.poll_turn(cx));
            let mut buffer = SPARE.take().unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice());
            let mut filled = ReadBuf::new(&mut buffer);
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut filled);
            let len = filled.filled().len();
            self.read_this_turn = if read.is_pending() { 0 } else { self.read_this_turn + len };
            if len == 0 || !matches!(read, Poll::Ready(Ok(()))) {
                SPARE.set(Some(buffer));
                return read;
            }
            if self.frames.flood(&buffer[..len]) {
                SPARE.set(Some(buffer));
                return Poll::Ready(Err(self.hang_up(cx)));
            }
            self.unread = Some((buffer, 0..len));
        }
        if let Some((buffer, mut range)) = self.unread.take() {
            let take = range.len().min(into.remaining());
            into.put_slice(&buffer[range.start..range.start + take]);
            range.start += take;
            if range.is_empty() {
                SPARE.set(Some(buffer));
            } else {
                self.unread = Some((buffer, range));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(data)])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.unwritten.len() >= WRITE_SIZE {
            ready!(self.poll_drain(cx))?;
        }
        for slice in slices {
            self.unwritten.extend_from_slice(slice);
        }
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unwritten.is_empty() || self.poll_company(cx).is_pending() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
