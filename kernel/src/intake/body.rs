//! A request's body, from the network to a payload.

use bytes::Buf;
use http::request::Parts;
use http::{StatusCode, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::answer::{Code, Dialect, RETRY_LATER, Refusal, Turned, turn_away};
use super::decompress::{Encoding, Failure};
use super::event::Event;
use super::group::Hold;
use crate::json;
use crate::payload::Payload;
use crate::pool;
use crate::schema::Signal;
use crate::wire::Malformed;

/// A body's announced size is believed, and room for it taken, only up to so many times what has
/// come of it: else some hundred heads would take all the room that there is for requests.
const TRUST: usize = 16;

pub struct Message {
    pub bytes: Vec<u8>,
    /// What a gRPC message says of itself; an HTTP body has only its headers.
    pub compressed: Option<bool>,
}

/// Read a body of at most `limit` bytes, which for gRPC is one framed message, into one buffer.
pub async fn read(
    dialect: Dialect,
    head: &Parts,
    body: &mut Incoming,
    limit: usize,
    hold: &mut Hold,
) -> Turned<Message> {
    let announced = body.size_hint().lower() as usize;
    if announced > limit.saturating_add(FRAME_HEADER) {
        return too_large(limit);
    }
    let mut frame = (dialect == Dialect::Grpc).then(FrameHeader::default);
    let mut bytes = Vec::new();
    while let Some(part) = body.frame().await {
        let Ok(part) = part else { return ended_early() };
        let Ok(mut data) = part.into_data() else { continue };
        if let Some(header) = &mut frame {
            header.fill(&mut data);
            if header.len() > limit {
                return too_large(limit);
            }
            if bytes.len() + data.len() > header.len() && !data.is_empty() {
                return bad_framing("more than one message in a unary call");
            }
        }
        if bytes.len() + data.len() > limit {
            return too_large(limit);
        }
        let announced = frame.as_ref().map_or(announced, FrameHeader::len);
        make_room(&mut bytes, data.len(), announced);
        bytes.extend_from_slice(&data);
        hold.resize(bytes.capacity());
        if hold.is_too_much() {
            let message = "too much is waiting to be processed";
            return Err((Event::Overloaded, Refusal::retry(message, RETRY_LATER)));
        }
    }
    // Hyper takes a stream that its sender reset without an error for a whole one.
    if head.version == Version::HTTP_2 && !body.is_end_stream() {
        return ended_early();
    }
    match frame {
        Some(header) if header.bytes[0] > 1 => {
            bad_framing("an unknown flag in the message's prefix")
        }
        Some(header) if !header.is_complete() || bytes.len() < header.len() => {
            bad_framing("the call ended before its message did")
        }
        Some(header) => Ok(Message { bytes, compressed: Some(header.bytes[0] & 1 == 1) }),
        None => Ok(Message { bytes, compressed: None }),
    }
}

/// Make room for so many bytes more, and for what is likely to follow.
fn make_room(bytes: &mut Vec<u8>, more: usize, announced: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let likely = if announced == 0 { 2 * needed } else { announced.min(TRUST * needed) };
        pool::resize(bytes, likely.max(needed));
    }
}

const FRAME_HEADER: usize = 5;

/// gRPC's message prefix: a flag and a length, which may arrive in pieces.
#[derive(Default)]
struct FrameHeader {
    bytes: [u8; FRAME_HEADER],
    filled: usize,
}

impl FrameHeader {
    fn fill(&mut self, data: &mut bytes::Bytes) {
        let take = data.len().min(FRAME_HEADER - self.filled);
        data.copy_to_slice(&mut self.bytes[self.filled..self.filled + take]);
        self.filled += take;
    }

    fn is_complete(&self) -> bool {
        self.filled == FRAME_HEADER
    }

    fn len(&self) -> usize {
        let [_, len @ ..] = self.bytes;
        if self.is_complete() { u32::from_be_bytes(len) as usize } else { 0 }
    }
}

pub fn decode(
    signal: &'static Signal,
    dialect: Dialect,
    encoding: Encoding,
    bytes: Vec<u8>,
    limit: usize,
) -> Turned<Payload> {
    #[cfg(feature = "deliberate-panic")]
    assert!(bytes != b"panic", "a deliberate panic in a parser");
    let bytes = match encoding.decode(bytes, limit) {
        Ok(bytes) => bytes,
        Err(Failure::TooLarge) => return too_large(limit),
        Err(Failure::Broken) => {
            let reason = format!("the body is not valid {encoding:?}").to_lowercase();
            return Err((Event::BadCompression, Refusal::invalid(reason)));
        }
    };
    let parsed = match dialect {
        Dialect::Json => json::from_json(signal, &bytes).and_then(|b| Payload::parse(signal, b)),
        _ => Payload::parse(signal, bytes),
    };
    parsed.map_err(|Malformed { offset, reason }| {
        let reason = format!("malformed {} request: {reason} (at byte {offset})", signal.name);
        (Event::Malformed, Refusal::invalid(reason))
    })
}

fn too_large<T>(limit: usize) -> Turned<T> {
    turn_away(
        Event::TooLarge,
        Code::ResourceExhausted,
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the request is over {limit} bytes; send smaller batches or raise the limit"),
    )
}

pub fn took_too_long<T>() -> Turned<T> {
    turn_away(
        Event::ReadTimeout,
        Code::DeadlineExceeded,
        StatusCode::REQUEST_TIMEOUT,
        "the body took longer than read_timeout to arrive".into(),
    )
}

fn ended_early<T>() -> Turned<T> {
    turn_away(
        Event::Disconnected,
        Code::Unavailable,
        StatusCode::BAD_REQUEST,
        "the body ended early".into(),
    )
}

pub fn bad_framing<T>(reason: &str) -> Turned<T> {
    turn_away(Event::BadFraming, Code::Internal, StatusCode::BAD_REQUEST, reason.into())
}
