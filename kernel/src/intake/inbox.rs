//! A connection's bytes as they come from the network: read in large pieces, and not read while the
//! house is full.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::listener::Stream;
use super::traffic::Traffic;
use super::turns::Turn;

/// Bytes asked of a socket at once. The HTTP/2 library asks for a frame at a time and the TLS library
/// for a part of a record, which costs four times the system calls for a request of 512 spans.
const READ_SIZE: usize = 128 * 1024;

/// The same for those who have yet to bring telemetry.
const STRANGERS_READ_SIZE: usize = 16 * 1024;

/// How long a sender is not listened to while too much waits; then it is heard once, so that what it
/// has begun to send is either completed or refused.
const PAUSE: Duration = Duration::from_millis(250);

thread_local! {
    /// A read buffer that no connection holds bytes in.
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

pub struct Inbox {
    stream: Stream,
    traffic: Arc<Traffic>,
    /// Bytes that were read and not yet asked for.
    unread: Option<(Box<[u8]>, Range<usize>)>,
    /// Bytes that were read without others having their turn.
    read_this_turn: usize,
    turn: Turn,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Inbox {
    pub fn new(stream: Stream, traffic: &Arc<Traffic>) -> Self {
        Self {
            stream,
            traffic: Arc::clone(traffic),
            unread: None,
            read_this_turn: 0,
            turn: Turn::default(),
            pause: None,
        }
    }

    /// Which connection this is among those that are not read.
    fn id(&self) -> usize {
        Arc::as_ptr(&self.traffic) as usize
    }

    /// Pending while too much waits, for at most `PAUSE`; tells whether that has ended.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.traffic.shared.is_crowded() {
            self.pause = None;
            return Poll::Ready(true);
        }
        self.traffic.shared.pause(self.id(), cx.waker());
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
        ready!(pause.as_mut().poll(cx));
        self.pause = None;
        Poll::Ready(false)
    }

    /// How many bytes may be read before requests and other connections have their turn, which may
    /// be thousands of small frames; pending once after as many, and with strangers until theirs comes.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let is_trusted = self.traffic.is_trusted();
        let size = if is_trusted { READ_SIZE } else { STRANGERS_READ_SIZE };
        let is_over = self.read_this_turn >= size;
        if is_over {
            self.end_turn();
        }
        if !is_trusted {
            return self.traffic.shared.turns.poll(&mut self.turn, cx).map(|()| size);
        }
        if is_over {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(size)
    }

    fn end_turn(&mut self) {
        self.read_this_turn = 0;
        self.turn.end();
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.traffic.shared.forget(self.id());
    }
}

impl AsyncBufRead for Inbox {
    fn poll_fill_buf(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if self.unread.is_none() {
            let has_room = ready!(self.poll_room(cx));
            let size = if has_room { ready!(self.poll_turn(cx)) } else { READ_SIZE };
            let mut buffer = SPARE.take().unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice());
            let mut filled = ReadBuf::new(&mut buffer[..size]);
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut filled);
            let len = filled.filled().len();
            self.read_this_turn += len;
            if read.is_pending() {
                self.end_turn();
            }
            if len == 0 || !matches!(read, Poll::Ready(Ok(()))) {
                SPARE.set(Some(buffer));
                return read.map_ok(|()| &[][..]);
            }
            self.unread = Some((buffer, 0..len));
        }
        let unread = self.get_mut().unread.as_ref();
        Poll::Ready(Ok(unread.map_or(&[], |(buffer, range)| &buffer[range.clone()])))
    }

    fn consume(mut self: Pin<&mut Self>, len: usize) {
        if let Some((_, range)) = &mut self.unread {
            range.start += len;
        }
        if let Some((buffer, _)) = self.unread.take_if(|(_, range)| range.start == range.end) {
            SPARE.set(Some(buffer));
        }
    }
}

/// For the TLS library, which has buffers of its own.
impl AsyncRead for Inbox {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let len = available.len().min(into.remaining());
        into.put_slice(&available[..len]);
        self.consume(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Inbox {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
