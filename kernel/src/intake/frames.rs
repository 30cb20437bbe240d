//! HTTP/2 by its frames: is this connection about requests, or about itself?

use std::error::Error;
use std::time::Instant;

use h2::Reason;

use super::group::Event;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD: usize = 9;

/// Frames that carry requests: DATA, HEADERS and CONTINUATION. All others are about the connection.
const CARRIERS: [u8; 3] = [0x0, 0x1, 0x9];

/// Bytes about the connection that may come for each byte of requests. A client that pings and moves
/// its windows for every request of one span stays under 2; frames of one byte of data are at 9.
const RATIO: f64 = 4.0;
/// Bytes that may come beyond that: at once, and more each second, for the pings of quiet clients.
const BURST: f64 = 32.0 * 1024.0;
const PER_SECOND: f64 = 1024.0;

/// GOAWAY with `ENHANCE_YOUR_CALM`, whatever stream it was.
pub const CALM_DOWN: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0xb];

/// Follows what a peer sends. The HTTP/2 library bounds what each kind of frame may take in memory,
/// but answers pings, settings and window updates as fast as they come, for ever
/// (CVE-2019-9512, -9513, -9515, -9518).
pub struct Frames {
    state: State,
    excess: f64,
    since: Instant,
}

enum State {
    /// So many bytes of the preface have come.
    Preface(usize),
    Http1,
    /// The head of a frame, of which so many bytes have come.
    Head([u8; HEAD], usize),
    /// So many bytes of a frame are to come.
    Body(usize),
}

impl Default for Frames {
    fn default() -> Self {
        Self { state: State::Preface(0), excess: 0.0, since: Instant::now() }
    }
}

impl Frames {
    /// Follow more bytes; true if the peer floods.
    pub fn flood(&mut self, mut bytes: &[u8]) -> bool {
        let now = Instant::now();
        let pardon = now.duration_since(self.since).as_secs_f64() * PER_SECOND;
        (self.excess, self.since) = ((self.excess - pardon).max(0.0), now);
        while !bytes.is_empty() && !matches!(self.state, State::Http1) {
            bytes = &bytes[self.step(bytes)..];
        }
        self.excess > BURST
    }

    /// Follow some of the bytes; returns how many.
    fn step(&mut self, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Preface(seen) => {
                let rest = &PREFACE[*seen..];
                let taken = rest.len().min(bytes.len());
                *seen += taken;
                if rest[..taken] != bytes[..taken] {
                    self.state = State::Http1;
                } else if *seen == PREFACE.len() {
                    self.state = State::Head([0; HEAD], 0);
                }
                taken
            }
            State::Http1 => bytes.len(),
            State::Head(head, filled) => {
                let taken = bytes.len().min(HEAD - *filled);
                head[*filled..*filled + taken].copy_from_slice(&bytes[..taken]);
                *filled += taken;
                if *filled == HEAD {
                    let head = *head;
                    self.begin(head);
                }
                taken
            }
            State::Body(left) => {
                let taken = bytes.len().min(*left);
                *left -= taken;
                if *left == 0 {
                    self.state = State::Head([0; HEAD], 0);
                }
                taken
            }
        }
    }

    fn begin(&mut self, [high, middle, low, kind, ..]: [u8; HEAD]) {
        let len = u32::from_be_bytes([0, high, middle, low]);
        let excess = if CARRIERS.contains(&kind) {
            HEAD as f64 - RATIO * f64::from(len)
        } else {
            HEAD as f64 + f64::from(len)
        };
        self.excess = (self.excess + excess).max(0.0);
        self.state = if len == 0 { State::Head([0; HEAD], 0) } else { State::Body(len as usize) };
    }
}

/// How to count the end of a connection that its peer brought about by breaking the rules of HTTP/2.
pub fn breach(error: &(dyn Error + 'static)) -> Option<Event> {
    let Some(fault) = error.downcast_ref::<h2::Error>() else {
        return error.source().and_then(breach);
    };
    match fault.reason() {
        Some(Reason::ENHANCE_YOUR_CALM) if fault.is_library() => Some(Event::Flooded),
        Some(_) if fault.is_library() => Some(Event::BadHttp2),
        _ => None,
    }
}
