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

use super::group::Shared;
use super::listener::Stream;

/// Bytes asked of a socket at once. The HTTP/2 library asks for a frame at a time and the TLS library
/// for a part of a record, which costs four times the system calls for a request of 512 spans.
const READ_SIZE: usize = 128 * 1024;

/// How long a sender is not listened to while too much waits; then it is heard once, so that what it
/// has begun to send is either completed or refused.
const PAUSE: Duration = Duration::from_millis(250);

thread_local! {
    /// A read buffer that no connection holds bytes in.
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

pub struct Inbox {
    stream: Stream,
    shared: Arc<Shared>,
    /// Which connection this is among those that are not read.
    id: usize,
    /// Bytes that were read and not yet asked for.
    unread: Option<(Box<[u8]>, Range<usize>)>,
    /// Bytes that were read without others having their turn.
    read_this_turn: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Inbox {
    pub fn new(stream: Stream, shared: &Arc<Shared>, id: usize) -> Self {
        Self {
            stream,
            shared: Arc::clone(shared),
            id,
            unread: None,
            read_this_turn: 0,
            pause: None,
        }
    }

    /// Pending while too much waits, for at most `PAUSE`.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.shared.is_crowded() {
            self.pause = None;
            return Poll::Ready(());
        }
        self.shared.pause(self.id, cx.waker());
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
        ready!(pause.as_mut().poll(cx));
        self.pause = None;
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
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shared.forget(self.id);
    }
}

impl AsyncBufRead for Inbox {
    fn poll_fill_buf(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
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
