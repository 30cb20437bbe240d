//! One request, from its head to its answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderMap, HeaderName};
use http::request::Parts;
use http::{Method, Request as HttpRequest, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::answer::{self, Answer, Code, Dialect, Refusal};
use super::auth::{Guard, Ruling};
use super::decompress::{Encoding, Failure};
use super::group::{Event, Hold, Shared};
use super::terms::Settings;
use super::traffic::Open;
use crate::json;
use crate::payload::Payload;
use crate::pool;
use crate::schema::Signal;
use crate::wire::Malformed;

#[derive(Clone)]
pub struct Service {
    pub shared: Arc<Shared>,
    /// The largest gRPC message and HTTP body, before and after decompression.
    pub max_grpc: usize,
    pub max_http: usize,
    /// HTTP paths and gRPC method names, to the signals that are taken there.
    pub routes: HashMap<String, &'static Signal>,
    /// Says whose requests are taken; without it, everybody's.
    pub guard: Option<Arc<Guard>>,
    /// Of the address where the requests come in.
    pub settings: Arc<Settings>,
}

const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// `HealthCheckResponse{status: SERVING}`, framed.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// Seconds after which a sender that met a full house may try again.
const RETRY_AFTER: f64 = 1.0;

/// A body's announced size is believed, and room for it taken, only up to so many times what has
/// come of it: else some hundred heads would take all the room that there is for requests.
const TRUST: usize = 16;

/// Bytes of a request's headers.
const MAX_HEADERS: usize = 64 * 1024;

/// How long a sender over HTTP/1 that has its answer may go on sending what it was refused for.
const LINGER: Duration = Duration::from_secs(5);

type Turned<T> = Result<T, (Event, Refusal)>;

fn turn_away<T>(event: Event, code: Code, status: StatusCode, message: String) -> Turned<T> {
    Err((event, Refusal::new(code, status, message)))
}

impl Service {
    /// Answer a request. Never fails: what goes wrong is an answer too.
    pub async fn answer(
        self: Arc<Self>,
        request: HttpRequest<Incoming>,
        open: Open,
    ) -> Result<Response<Answer>, Infallible> {
        let (head, body) = request.into_parts();
        let dialect = dialect(&head);
        let cors = self.settings.cors.as_ref().filter(|_| dialect != Dialect::Grpc);
        if let Some(response) = cors.and_then(|cors| cors.preflight(&head)) {
            return Ok(response);
        }
        let mut response = self.respond(dialect, &head, body).await;
        cors.inspect(|cors| cors.mark(&head.headers, &mut response));
        response.body_mut().keep(open);
        Ok(response)
    }

    async fn respond(
        &self,
        dialect: Dialect,
        head: &Parts,
        mut body: Incoming,
    ) -> Response<Answer> {
        if dialect == Dialect::Grpc && head.uri.path() == HEALTH_CHECK {
            return answer::grpc_ok(SERVING);
        }
        let mut unfinished = Unfinished(Some(&self.shared));
        let outcome = self.outcome(dialect, head, &mut body).await;
        unfinished.0 = None;
        if outcome.is_err() && is_sent_unasked(head) {
            tokio::spawn(discard(body));
        }
        match outcome {
            Ok(()) => answer::accepted(dialect),
            Err(refusal) => answer::refused(dialect, &refusal),
        }
    }

    async fn outcome(
        &self,
        dialect: Dialect,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<(), Arc<Refusal>> {
        #[cfg(feature = "deliberate-panic")]
        assert!(head.uri.path() != "/panic", "a deliberate panic in the handler");
        let mut hold = Hold::new(&self.shared);
        let payload = match self.receive(dialect, head, body, &mut hold).await {
            Ok(payload) => payload,
            Err((event, refusal)) => {
                self.shared.stats.count(event);
                return Err(Arc::new(refusal));
            }
        };
        if payload.items() == 0 {
            return Ok(());
        }
        let Some(verdict) = self.shared.submit(payload, dialect == Dialect::Grpc, hold) else {
            return Ok(());
        };
        verdict
            .await
            .unwrap_or_else(|_| Err(Arc::new(Refusal::retry("shutting down", RETRY_AFTER))))
    }

    async fn receive(
        &self,
        dialect: Dialect,
        head: &Parts,
        body: &mut Incoming,
        hold: &mut Hold,
    ) -> Turned<Payload> {
        check_size(head)?;
        self.authenticate(&head.headers).await?;
        let signal = self.route(dialect, head)?;
        let encoding = encoding(dialect, &head.headers)?;
        let reading = self.read(dialect, head, body, hold);
        let limit = self.settings.read_timeout.unwrap_or(Duration::MAX);
        let message = timeout(limit, reading).await.unwrap_or_else(|_| took_too_long())?;
        let encoding = match message.compressed {
            Some(false) => Encoding::Identity,
            Some(true) if encoding == Encoding::Identity => {
                return bad_framing("a compressed message without grpc-encoding");
            }
            _ => encoding,
        };
        let limit = self.limit(dialect);
        // A panic in a parser must cost its sender an answer, and nobody else anything.
        let payload = catch_unwind(AssertUnwindSafe(|| {
            decode(signal, dialect, encoding, message.bytes, limit)
        }))
        .unwrap_or_else(|_| {
            turn_away(
                Event::Panicked,
                Code::Internal,
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request could not be read because of a fault in the receiver".into(),
            )
        })?;
        hold.resize(payload.weight());
        Ok(payload)
    }

    /// Comes before everything else: a stranger's request is not even read.
    async fn authenticate(&self, headers: &HeaderMap) -> Turned<()> {
        let Some(guard) = &self.guard else { return Ok(()) };
        match guard.rule(headers).await {
            Ruling::Accepted => Ok(()),
            Ruling::Refused => {
                Err((Event::Unauthenticated, Refusal::unauthenticated(&guard.challenge)))
            }
            Ruling::Undecided => {
                let message = "credentials cannot be checked for now";
                Err((Event::Overloaded, Refusal::retry(message, RETRY_AFTER)))
            }
        }
    }

    fn limit(&self, dialect: Dialect) -> usize {
        if dialect == Dialect::Grpc { self.max_grpc } else { self.max_http }
    }

    fn route(&self, dialect: Dialect, head: &Parts) -> Turned<&'static Signal> {
        let path = head.uri.path();
        let Some(signal) = self.routes.get(path) else {
            return turn_away(
                Event::UnknownPath,
                Code::Unimplemented,
                StatusCode::NOT_FOUND,
                format!("nothing is received at {path}"),
            );
        };
        if head.method != Method::POST {
            return turn_away(
                Event::BadMethod,
                Code::Unimplemented,
                StatusCode::METHOD_NOT_ALLOWED,
                format!("{} is not allowed here, only POST", head.method),
            );
        }
        if dialect == Dialect::Text {
            return turn_away(
                Event::UnsupportedMediaType,
                Code::InvalidArgument,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "expected the content type application/x-protobuf or application/json".into(),
            );
        }
        Ok(signal)
    }

    /// Read a body, which for gRPC is one framed message, into one buffer.
    async fn read(
        &self,
        dialect: Dialect,
        head: &Parts,
        body: &mut Incoming,
        hold: &mut Hold,
    ) -> Turned<Message> {
        let limit = self.limit(dialect);
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
            if self.shared.is_full() {
                let message = "too much is waiting to be processed";
                return Err((Event::Overloaded, Refusal::retry(message, RETRY_AFTER)));
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
}

/// Make room for so many bytes more, and for what is likely to follow.
fn make_room(bytes: &mut Vec<u8>, more: usize, announced: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let likely = if announced == 0 { 2 * needed } else { announced.min(TRUST * needed) };
        pool::grow(bytes, likely.max(needed));
    }
}

struct Message {
    bytes: Vec<u8>,
    /// What a gRPC message says of itself; an HTTP body has only its headers.
    compressed: Option<bool>,
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

fn too_large<T>(limit: usize) -> Turned<T> {
    turn_away(
        Event::TooLarge,
        Code::ResourceExhausted,
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the request is over {limit} bytes; send smaller batches or raise the limit"),
    )
}

fn took_too_long<T>() -> Turned<T> {
    turn_away(
        Event::ReadTimeout,
        Code::DeadlineExceeded,
        StatusCode::REQUEST_TIMEOUT,
        "the body took longer than read_timeout to arrive".into(),
    )
}

/// Heads are counted as HTTP/2 does (RFC 9113, section 6.5.2).
fn check_size(head: &Parts) -> Turned<()> {
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    if fields.sum::<usize>() <= MAX_HEADERS {
        return Ok(());
    }
    turn_away(
        Event::HeaderTooLarge,
        Code::ResourceExhausted,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        format!("the headers are over {MAX_HEADERS} bytes"),
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

fn bad_framing<T>(reason: &str) -> Turned<T> {
    turn_away(Event::BadFraming, Code::Internal, StatusCode::BAD_REQUEST, reason.into())
}

fn dialect(head: &Parts) -> Dialect {
    let content_type = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    match media_type.trim_ascii().to_ascii_lowercase().as_slice() {
        b"application/x-protobuf" => Dialect::Protobuf,
        b"application/json" => Dialect::Json,
        b"application/grpc" | b"application/grpc+proto" if head.version == Version::HTTP_2 => {
            Dialect::Grpc
        }
        _ => Dialect::Text,
    }
}

fn encoding(dialect: Dialect, headers: &HeaderMap) -> Turned<Encoding> {
    let name = if dialect == Dialect::Grpc { GRPC_ENCODING } else { CONTENT_ENCODING };
    let mut values = headers.get_all(&name).iter();
    let (first, second) = (values.next(), values.next());
    let value = first.map_or(Some(""), |value| value.to_str().ok());
    match value.and_then(|text| Encoding::by_name(&text.to_ascii_lowercase())) {
        Some(encoding) if second.is_none() => Ok(encoding),
        _ => turn_away(
            Event::UnsupportedEncoding,
            Code::Unimplemented,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("{name} is none of {}", super::decompress::ACCEPTED),
        ),
    }
}

fn decode(
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

/// Whether a body arrives on an HTTP/1 connection without waiting for our word.
fn is_sent_unasked(head: &Parts) -> bool {
    head.version < Version::HTTP_2 && !head.headers.contains_key(EXPECT)
}

/// Read on without keeping anything: to close a connection on bytes that nobody has read resets it,
/// and the sender, still sending, would never see its answer.
async fn discard(mut body: Incoming) {
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(LINGER, rest).await;
}

/// Counts a request that ended before its answer was there: its sender went away, or we panicked.
struct Unfinished<'a>(Option<&'a Shared>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            let panicked = std::thread::panicking();
            shared.stats.count(if panicked { Event::Panicked } else { Event::Disconnected });
        }
    }
}
