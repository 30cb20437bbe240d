//! What a sender is told: the same outcome in gRPC's and in HTTP's words (OTLP 1.x, "Failures").

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::event::Event;
use super::traffic::Open;
use super::warning::Warning;
use crate::wire::{self, LEN, VARINT};

/// The gRPC status codes that a receiver answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// Why a request is not taken.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub code: Code,
    pub status: StatusCode,
    pub message: String,
    /// Seconds after which the sender may try again; without it, it must not.
    pub retry_after: Option<f64>,
    /// How to ask for admission, in the words of `WWW-Authenticate`.
    pub challenge: Option<HeaderValue>,
}

/// What becomes of a request that may be turned away: counted by name, and answered.
pub type Turned<T> = Result<T, (Event, Refusal)>;

pub fn turn_away<T>(event: Event, code: Code, status: StatusCode, message: String) -> Turned<T> {
    Err((event, Refusal::new(code, status, message)))
}

/// Seconds after which a sender that met a full house may try again.
pub const RETRY_LATER: f64 = 1.0;

impl Refusal {
    pub fn new(code: Code, status: StatusCode, message: impl Into<String>) -> Self {
        let message = shortened(message.into());
        Self { code, status, message, retry_after: None, challenge: None }
    }

    pub fn retry(message: impl Into<String>, after: f64) -> Self {
        let refusal = Self::new(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, message);
        // A duration's JSON has at most nine decimals.
        let after = (after.clamp(0.0, MAX_RETRY_AFTER) * 1e9).round() / 1e9;
        Self { retry_after: Some(after), ..refusal }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, StatusCode::BAD_REQUEST, message)
    }

    pub fn unauthenticated(challenge: &HeaderValue) -> Self {
        let message = "the request has no credentials that are accepted here";
        let refusal = Self::new(Code::Unauthenticated, StatusCode::UNAUTHORIZED, message);
        Self { challenge: Some(challenge.clone()), ..refusal }
    }
}

/// No sender is asked to wait longer than an hour, whatever a back end asked of us.
const MAX_RETRY_AFTER: f64 = 3600.0;

/// Bytes of a message. It travels in gRPC's headers, percent-encoded and once more in the details,
/// and clients give up on more than 8 KiB of headers, which would hide a retry time from them.
const MAX_MESSAGE: usize = 1024;

/// The message, cut where it would be too long.
pub fn shortened(mut message: String) -> String {
    let longest = message.len().min(MAX_MESSAGE);
    let end = (0..=longest).rev().find(|end| message.is_char_boundary(*end));
    message.truncate(end.unwrap_or(0));
    message
}

/// How the sender spoke, and so how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Grpc,
    Protobuf,
    Json,
    /// Whoever did not say that it wants protobuf or JSON.
    Text,
}

impl Dialect {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Grpc => "application/grpc",
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
            Self::Text => "text/plain",
        })
    }
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// A body of at most one piece, and trailers for gRPC.
#[derive(Default)]
pub struct Answer {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
    /// Dropped when the HTTP library has taken everything.
    open: Option<Open>,
}

impl Answer {
    /// Keep the request open until this has gone out.
    pub fn keep(&mut self, mut open: Open) {
        open.answer();
        self.open = Some(open);
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        Poll::Ready(data.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64)
    }
}

fn response(status: StatusCode, dialect: Dialect, data: Option<Bytes>) -> Response<Answer> {
    let mut response = Response::new(Answer { data, ..Answer::default() });
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, dialect.content_type());
    response
}

/// The answer of a call that succeeded, with the encoded `message` for gRPC.
pub fn grpc_ok(message: Bytes) -> Response<Answer> {
    let mut response = response(StatusCode::OK, Dialect::Grpc, Some(message));
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    response.body_mut().trailers = Some(trailers);
    response
}

/// Everything was taken: an `Export…ServiceResponse`, empty but for a warning.
pub fn accepted(dialect: Dialect, warning: Option<&Warning>) -> Response<Answer> {
    let said = warning.map(|warning| warning.body(dialect));
    let or = |empty| said.clone().unwrap_or(Bytes::from_static(empty));
    match dialect {
        Dialect::Grpc => grpc_ok(or(&[0; 5])),
        Dialect::Json => response(StatusCode::OK, dialect, Some(or(b"{}"))),
        _ => response(StatusCode::OK, dialect, said),
    }
}

pub fn refused(dialect: Dialect, refusal: &Refusal) -> Response<Answer> {
    match dialect {
        Dialect::Grpc => refused_grpc(refusal),
        Dialect::Protobuf => refused_http(dialect, refusal, status_message(refusal)),
        Dialect::Json => refused_http(dialect, refusal, status_json(refusal)),
        Dialect::Text => refused_http(dialect, refusal, refusal.message.clone().into_bytes()),
    }
}

fn refused_grpc(refusal: &Refusal) -> Response<Answer> {
    let mut response = response(StatusCode::OK, Dialect::Grpc, None);
    let headers = response.headers_mut();
    headers.insert(GRPC_STATUS, HeaderValue::from(refusal.code as u16));
    headers.insert(GRPC_MESSAGE, percent_encoded(&refusal.message));
    if refusal.retry_after.is_some()
        && let Ok(details) = HeaderValue::from_str(&base64(&status_message(refusal)))
    {
        headers.insert(GRPC_DETAILS, details);
    }
    if refusal.code == Code::Unimplemented {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static(super::decompress::ACCEPTED));
    }
    response
}

fn refused_http(dialect: Dialect, refusal: &Refusal, body: Vec<u8>) -> Response<Answer> {
    let mut response = response(refusal.status, dialect, Some(body.into()));
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.ceil().max(1.0) as u64));
    }
    if let Some(challenge) = &refusal.challenge {
        headers.insert(WWW_AUTHENTICATE, challenge.clone());
    }
    match refusal.status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let accepted = HeaderValue::from_static(super::decompress::ACCEPTED);
            headers.insert(http::header::ACCEPT_ENCODING, accepted);
        }
        _ => {}
    }
    response
}

/// `google.rpc.Status`, with a `google.rpc.RetryInfo` where the sender may try again.
fn status_message(refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::new();
    wire::write_tag(&mut out, 1, VARINT);
    wire::write_varint(&mut out, refusal.code as u64);
    write_bytes(&mut out, 2, refusal.message.as_bytes());
    if let Some(seconds) = refusal.retry_after {
        let mut duration = Vec::new();
        let (whole, nanos) = (seconds.trunc() as u64, (seconds.fract() * 1e9).round() as u64);
        for (number, value) in [(1, whole), (2, nanos)] {
            wire::write_tag(&mut duration, number, VARINT);
            wire::write_varint(&mut duration, value);
        }
        let mut retry_info = Vec::new();
        write_bytes(&mut retry_info, 1, &duration);
        let mut any = Vec::new();
        write_bytes(&mut any, 1, RETRY_INFO.as_bytes());
        write_bytes(&mut any, 2, &retry_info);
        write_bytes(&mut out, 3, &any);
    }
    out
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

pub fn write_bytes(out: &mut Vec<u8>, number: u32, data: &[u8]) {
    wire::write_tag(out, number, LEN);
    wire::write_varint(out, data.len() as u64);
    out.extend_from_slice(data);
}

fn status_json(refusal: &Refusal) -> Vec<u8> {
    let mut status = serde_json::json!({
        "code": refusal.code as u16,
        "message": refusal.message,
    });
    if let Some(seconds) = refusal.retry_after {
        status["details"] =
            serde_json::json!([{ "@type": RETRY_INFO, "retryDelay": format!("{seconds}s") }]);
    }
    status.to_string().into_bytes()
}

/// The gRPC specification's `Percent-Encoded` for `grpc-message`.
fn percent_encoded(message: &str) -> HeaderValue {
    use std::fmt::Write;
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b'%' | 0..b' ' | 0x7f.. => {
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(byte as char),
        }
    }
    HeaderValue::from_str(&out).unwrap_or(HeaderValue::from_static("refused"))
}

/// Base64 without padding, as gRPC wants binary headers.
fn base64(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            out.push(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize] as char);
        }
    }
    out
}
