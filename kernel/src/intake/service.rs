//! One request, from its head to its answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::request::Parts;
use http::{Method, Request as HttpRequest, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::answer::{self, Answer, Code, Dialect, RETRY_LATER, Refusal, Turned, turn_away};
use super::arrivals::Way;
use super::auth::{Guard, Ruling};
use super::decompress::Encoding;
use super::event::Event;
use super::group::{Hold, Shared};
use super::terms::Settings;
use super::traffic::Open;
use super::warning::Warning;
use super::{body, head};
use crate::payload::Payload;
use crate::schema::Signal;

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

/// How long a sender over HTTP/1 that has its answer may go on sending what it was refused for.
const LINGER: Duration = Duration::from_secs(5);

impl Service {
    /// Answer a request. Never fails: what goes wrong is an answer too.
    pub async fn answer(
        self: Arc<Self>,
        request: HttpRequest<Incoming>,
        open: Open,
    ) -> Result<Response<Answer>, Infallible> {
        let (head, body) = request.into_parts();
        let dialect = head::dialect(&head);
        let cors = self.settings.cors.as_ref().filter(|_| dialect != Dialect::Grpc);
        if let Some(response) = cors.and_then(|cors| cors.preflight(&head)) {
            return Ok(response);
        }
        let mut response = self.respond(dialect, &head, body, &open).await;
        cors.inspect(|cors| cors.mark(&head.headers, &mut response));
        response.body_mut().keep(open);
        Ok(response)
    }

    async fn respond(
        &self,
        dialect: Dialect,
        head: &Parts,
        mut body: Incoming,
        open: &Open,
    ) -> Response<Answer> {
        if dialect == Dialect::Grpc && head.uri.path() == HEALTH_CHECK {
            return answer::grpc_ok(Bytes::from_static(SERVING));
        }
        let mut unfinished = Unfinished(Some(&self.shared));
        let outcome = self.outcome(dialect, head, &mut body, open).await;
        unfinished.0 = None;
        if outcome.is_err() && head::is_sent_unasked(head) {
            tokio::spawn(discard(body, open.again()));
        }
        match outcome {
            Ok(()) => answer::accepted(dialect, self.warning(head).as_ref()),
            Err(refusal) => answer::refused(dialect, &refusal),
        }
    }

    fn warning(&self, head: &Parts) -> Option<Warning> {
        let signal = || self.routes.get(head.uri.path()).map(|signal| signal.position());
        self.shared.warnings.get(signal)
    }

    async fn outcome(
        &self,
        dialect: Dialect,
        head: &Parts,
        body: &mut Incoming,
        open: &Open,
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
        open.earn_trust();
        let way = Way { grpc: dialect == Dialect::Grpc, peer: open.peer() };
        let Some(verdict) = self.shared.submit(payload, way, hold) else {
            return Ok(());
        };
        verdict
            .await
            .unwrap_or_else(|_| Err(Arc::new(Refusal::retry("shutting down", RETRY_LATER))))
    }

    async fn receive(
        &self,
        dialect: Dialect,
        head: &Parts,
        body: &mut Incoming,
        hold: &mut Hold,
    ) -> Turned<Payload> {
        self.authenticate(&head.headers).await?;
        head::check_size(head)?;
        let signal = self.route(dialect, head)?;
        let encoding = head::encoding(dialect, &head.headers)?;
        let reading = body::read(dialect, head, body, self.limit(dialect), hold);
        let patience = self.settings.read_timeout.unwrap_or(Duration::MAX);
        let message = timeout(patience, reading).await.unwrap_or_else(|_| body::took_too_long())?;
        let encoding = match message.compressed {
            Some(false) => Encoding::Identity,
            Some(true) if encoding == Encoding::Identity => {
                return body::bad_framing("a compressed message without grpc-encoding");
            }
            _ => encoding,
        };
        let limit = self.limit(dialect);
        // A panic in a parser must cost its sender an answer, and nobody else anything.
        let payload = catch_unwind(AssertUnwindSafe(|| {
            body::decode(signal, dialect, encoding, message.bytes, limit)
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
                Err((Event::Overloaded, Refusal::retry(message, RETRY_LATER)))
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
}

/// Read on without keeping anything: to close a connection on bytes that nobody has read resets it,
/// and the sender, still sending, would never see its answer.
async fn discard(mut body: Incoming, _present: Open) {
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
