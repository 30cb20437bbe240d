//! A connection's bytes as the HTTP library sees them: in clear, counted, and written in few pieces.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::ending::Ending;
use super::frames;
use super::inbox::Inbox;
use super::traffic::Traffic;

/// Bytes collected for one write before the socket must take them.
const WRITE_SIZE: usize = 64 * 1024;

/// How long the acknowledgement of a ping or of settings may wait to travel with an answer. Clients
/// that measure the bandwidth ping after every answer, which would double the writes.
const COMPANY: Duration = Duration::from_millis(2);

/// Fewer bytes than any answer has, and more than a few acknowledgements.
const ACKNOWLEDGEMENTS: usize = 128;

/// With which HTTP/2 begins and no method of HTTP/1 that is served here.
const HTTP2: &[u8] = b"PR";

pub enum Channel {
    Clear(Inbox),
    Tls(Box<TlsStream<Inbox>>),
}

impl Channel {
    /// The protocol that was agreed on with TLS.
    pub fn agreed(&self) -> Option<&[u8]> {
        match self {
            Self::Clear(_) => None,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }

    fn reader(&mut self) -> Pin<&mut (dyn AsyncBufRead + Unpin)> {
        match self {
            Self::Clear(inbox) => Pin::new(inbox),
            Self::Tls(stream) => Pin::new(&mut **stream),
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match self {
            Self::Clear(inbox) => Pin::new(inbox),
            Self::Tls(stream) => Pin::new(&mut **stream),
        }
    }
}

pub struct Socket {
    channel: Channel,
    traffic: Arc<Traffic>,
    /// Bytes that were read to see what the client speaks.
    early: Vec<u8>,
    unwritten: Vec<u8>,
    /// The channel may hold bytes that it was given.
    is_unflushed: bool,
    is_stuck: bool,
    company: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub fn new(channel: Channel, traffic: Arc<Traffic>) -> Self {
        Self {
            channel,
            traffic,
            early: Vec::new(),
            unwritten: Vec::new(),
            is_unflushed: false,
            is_stuck: false,
            company: None,
        }
    }

    /// Whether the client speaks HTTP/2, as soon as its first bytes tell.
    pub fn poll_is_http2(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let data = ready!(self.channel.reader().poll_fill_buf(cx))?;
            let take = data.len().min(HTTP2.len() - self.early.len());
            self.early.extend_from_slice(&data[..take]);
            self.channel.reader().consume(take);
            if take == 0 || !HTTP2.starts_with(&self.early) {
                return Poll::Ready(Ok(false));
            }
            if self.early.len() == HTTP2.len() {
                return Poll::Ready(Ok(true));
            }
        }
    }

    /// Ready when the bytes to write must not wait for more.
    fn poll_company(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.traffic.take_answered() || self.unwritten.len() > ACKNOWLEDGEMENTS {
            self.company = None;
            return Poll::Ready(());
        }
        let company = self.company.get_or_insert_with(|| Box::pin(tokio::time::sleep(COMPANY)));
        ready!(company.as_mut().poll(cx));
        self.company = None;
        Poll::Ready(())
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut written = 0;
        let outcome = loop {
            if written == self.unwritten.len() {
                break Poll::Ready(Ok(()));
            }
            match self.channel.writer().poll_write(cx, &self.unwritten[written..]) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => written += n,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.unwritten.drain(..written);
        self.is_unflushed |= written > 0;
        outcome
    }

    /// Hand everything to the network.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sent = self.poll_drain(cx);
        if self.is_unflushed && matches!(sent, Poll::Ready(Ok(()))) {
            sent = self.channel.writer().poll_flush(cx);
            self.is_unflushed = sent.is_pending();
        }
        self.traffic.stuck(self.is_stuck, sent.is_pending());
        self.is_stuck = sent.is_pending();
        sent
    }

    /// End a connection whose client went too far, and tell it so if it listens.
    fn send_away(&mut self, ending: Ending, cx: &mut Context<'_>) -> io::Error {
        self.traffic.shared.endings.count(ending);
        self.unwritten.extend(frames::goaway(ending.name()));
        let _ = self.poll_send(cx);
        io::Error::other(ending.name())
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let verdict = if this.early.is_empty() {
            let data = ready!(this.channel.reader().poll_fill_buf(cx))?;
            let len = data.len().min(into.remaining());
            into.put_slice(&data[..len]);
            let verdict = this.traffic.arrived(&data[..len]);
            this.channel.reader().consume(len);
            verdict
        } else {
            let data = std::mem::take(&mut this.early);
            into.put_slice(&data);
            this.traffic.arrived(&data)
        };
        Poll::Ready(verdict.map_err(|ending| this.send_away(ending, cx)))
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
            ready!(self.poll_send(cx))?;
        }
        for slice in slices {
            self.traffic.written(slice);
            self.unwritten.extend_from_slice(slice);
        }
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let nothing = self.unwritten.is_empty() && !self.is_unflushed;
        if nothing || (!self.is_stuck && self.poll_company(cx).is_pending()) {
            return Poll::Ready(Ok(()));
        }
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        self.channel.writer().poll_shutdown(cx)
    }
}
