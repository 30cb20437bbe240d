//! HTTP/2 frames as they pass by, for what the HTTP library does not tell: how much of one has
//! arrived, and how its sender behaves.

use std::time::Duration;

use tokio::time::Instant;

use super::ending::Ending;

/// What a client says first.
pub const PREFACE: usize = 24;

const HEAD: usize = 9;
/// The head, and as much of the payload as holds a `RST_STREAM`'s code.
const PREFIX: usize = HEAD + 4;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const PING: u8 = 6;
pub const CONTINUATION: u8 = 9;

const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

pub struct Frame {
    pub kind: u8,
    flags: u8,
    len: usize,
    /// The first bytes of the payload as a number, which is all of a `RST_STREAM`.
    pub code: u32,
}

impl Frame {
    fn new(prefix: &[u8; PREFIX]) -> Self {
        let [a, b, c, kind, flags, _, _, _, _, code @ ..] = *prefix;
        Self { kind, flags, len: payload(a, b, c), code: u32::from_be_bytes(code) }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

fn payload(a: u8, b: u8, c: u8) -> usize {
    u32::from_be_bytes([0, a, b, c]) as usize
}

/// Follows frames through bytes that come in pieces of any size.
#[derive(Default)]
pub struct Frames {
    prefix: [u8; PREFIX],
    filled: usize,
    /// Bytes of the payload after the prefix: all of them, and those still to come.
    body: usize,
    left: usize,
    /// Bytes of a head that will be continued.
    head: usize,
}

impl Frames {
    /// Frames of a client, which come after its preface.
    pub fn of_client() -> Self {
        Self { filled: HEAD, body: PREFACE, left: PREFACE, ..Self::default() }
    }

    pub fn advance(&mut self, mut data: &[u8], mut each: impl FnMut(&Frame)) {
        while !data.is_empty() {
            let wanted = self.wanted();
            if self.filled < wanted {
                let take = data.len().min(wanted - self.filled);
                self.prefix[self.filled..self.filled + take].copy_from_slice(&data[..take]);
                self.filled += take;
                data = &data[take..];
                if self.filled == self.wanted() {
                    self.begin(&mut each);
                }
            } else {
                let take = data.len().min(self.left);
                self.left -= take;
                data = &data[take..];
            }
            if self.filled == self.wanted() && self.left == 0 {
                self.filled = 0;
            }
        }
    }

    /// Bytes of what is not whole: a frame, or a head that goes on in the next one.
    pub fn pending(&self) -> usize {
        let frame = if self.filled == 0 { 0 } else { self.filled + self.body - self.left };
        self.head + frame
    }

    /// Of a prefix, as far as it is known.
    fn wanted(&self) -> usize {
        if self.filled < HEAD { HEAD } else { HEAD + self.len().min(PREFIX - HEAD) }
    }

    fn len(&self) -> usize {
        payload(self.prefix[0], self.prefix[1], self.prefix[2])
    }

    fn begin(&mut self, each: &mut impl FnMut(&Frame)) {
        self.body = HEAD + self.len() - self.filled;
        self.left = self.body;
        let frame = Frame::new(&self.prefix);
        if matches!(frame.kind, HEADERS | CONTINUATION) {
            self.head = if frame.has(END_HEADERS) { 0 } else { self.head + frame.len };
        }
        each(&frame);
    }
}

/// Bytes about the connection that may come for each byte of requests. A client that pings and moves
/// its windows for every request of one span stays under 2; frames of one byte of data are at 9.
const RATIO: f64 = 4.0;
/// Bytes that may come beyond that: at once, and more each second, for the pings of quiet clients.
const BURST: f64 = 8.0 * 1024.0;
const PER_SECOND: f64 = 1024.0;

/// Pings that come too soon after another before the peer is sent away, as in gRPC's servers.
const PING_STRIKES: u32 = 2;
/// How often a peer without requests may ping where it should not at all (gRFC A8).
const RARELY: Duration = Duration::from_secs(2 * 60 * 60);

/// How a client has to behave: gRPC's `enforcement_policy`.
#[derive(Clone, Copy)]
pub struct Manners {
    /// The least time between two pings; with 0, pings are frames like others.
    pub min_ping_interval: Duration,
    pub ping_without_stream: bool,
}

/// How a client has behaved: is its connection about requests, or about itself? The HTTP/2 library
/// bounds what each kind of frame may take in memory, but answers pings, settings and window updates
/// as fast as they come, for ever (CVE-2019-9512, -9513, -9515, -9518).
pub struct Conduct {
    excess: f64,
    since: Instant,
    strikes: u32,
    last_ping: Option<Instant>,
}

impl Conduct {
    pub fn new() -> Self {
        Self { excess: 0.0, since: Instant::now(), strikes: 0, last_ping: None }
    }

    /// Whether the peer has gone too far. `asks` tells that it has requests open, `heard` that it has
    /// had an answer since its last ping.
    pub fn judge(
        &mut self,
        frame: &Frame,
        manners: Manners,
        asks: bool,
        heard: &mut bool,
    ) -> Option<Ending> {
        let carries = matches!(frame.kind, DATA | HEADERS | CONTINUATION);
        let ratio = if carries { -RATIO } else { 1.0 };
        self.excess = (self.excess + HEAD as f64 + ratio * frame.len as f64).max(0.0);
        if self.excess > BURST && !self.is_forgiven() {
            return Some(Ending::Flooded);
        }
        let is_ping = frame.kind == PING && !frame.has(ACK);
        if !is_ping || manners.min_ping_interval.is_zero() {
            return None;
        }
        self.ping(manners, asks, std::mem::take(heard))
    }

    fn is_forgiven(&mut self) -> bool {
        let now = Instant::now();
        let pardon = now.duration_since(self.since).as_secs_f64() * PER_SECOND;
        (self.excess, self.since) = ((self.excess - pardon).max(0.0), now);
        self.excess <= BURST
    }

    fn ping(&mut self, manners: Manners, asks: bool, heard: bool) -> Option<Ending> {
        let now = Instant::now();
        let last = self.last_ping.replace(now);
        if heard {
            self.strikes = 0;
            return None;
        }
        let idle = !asks && !manners.ping_without_stream;
        let apart = if idle { RARELY } else { manners.min_ping_interval };
        if last.is_some_and(|last| now < last + apart) {
            self.strikes += 1;
        }
        (self.strikes > PING_STRIKES).then_some(Ending::TooManyPings)
    }
}

/// GOAWAY with `ENHANCE_YOUR_CALM`, whatever stream it was, and a word that says why.
pub fn goaway(why: &str) -> Vec<u8> {
    let mut frame = vec![0, 0, 8 + why.len() as u8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff];
    frame.extend_from_slice(&[0, 0, 0, 0xb]);
    frame.extend_from_slice(why.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        out.extend_from_slice(&[kind, flags, 0, 0, 0, 1]);
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn frames_are_found_in_pieces_of_any_size() {
        let mut bytes = vec![b'x'; PREFACE];
        bytes.extend(frame(4, 0, b""));
        bytes.extend(frame(RST_STREAM, 0, &7u32.to_be_bytes()));
        bytes.extend(frame(DATA, 1, &[1; 100]));
        for size in 1..bytes.len() {
            let (mut frames, mut seen) = (Frames::of_client(), Vec::new());
            for piece in bytes.chunks(size) {
                frames.advance(piece, |frame| seen.push((frame.kind, frame.len, frame.code)));
            }
            let data = (DATA, 100, u32::from_be_bytes([1; 4]));
            assert_eq!(seen[1..], [(RST_STREAM, 4, 7), data], "in pieces of {size}");
            assert_eq!((seen[0].0, frames.pending()), (4, 0));
        }
    }

    #[test]
    fn what_is_not_whole_is_pending() {
        let mut frames = Frames::of_client();
        frames.advance(&[b'x'; 10], |_| {});
        assert_eq!(frames.pending(), HEAD + 10);
        frames.advance(&[b'x'; PREFACE - 10], |_| {});
        let data = frame(DATA, 0, &[0; 1000]);
        frames.advance(&data[..500], |_| {});
        assert_eq!(frames.pending(), 500);
        frames.advance(&data[500..], |_| {});
        frames.advance(&frame(HEADERS, 0, &[0; 50]), |_| {});
        assert_eq!(frames.pending(), 50);
        frames.advance(&frame(CONTINUATION, END_HEADERS, &[0; 50]), |_| {});
        assert_eq!(frames.pending(), 0);
    }
}
