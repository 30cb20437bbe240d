"""OTLP/HTTP to a real server: what arrives, and what every kind of answer means."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from aiohttp import web
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic import ValidationError

from penstock.exporters.otlphttp import Config
from penstock.pipeline import Batch, Permanent, Rejected, Retryable, Signal, StartError
from tests.exporters.attempts import outcome, running, told
from tests.kit import context, in_loop, points, records, spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from penstock.pipeline.errors import PenstockError

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECRET = "s3cr3t"
PROTOBUF, JSON = "application/x-protobuf", "application/json"


@dataclass(frozen=True)
class Received:
    """A request as it arrived: its body still compressed."""

    path: str
    headers: dict[str, str]
    body: bytes


def answering(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    """An answer that is always the same; `Retry_After` stands for the header `Retry-After`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Content-Type": PROTOBUF} | named)

    return answer


class Backend:
    """An HTTP server that takes any path, remembers what it was sent and answers as it is told."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer or answering()
        self.requests: list[Received] = []
        self.port = 0

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(Received(request.path_qs, dict(request.headers), body))
        return await self.answer(request)

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """Listen, on the port of the last time if there was one."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, auto_decompress=False, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=tls).start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()


def to(backend: Backend, *, scheme: str = "http", **settings: Any) -> Config:
    """Settings that send to `backend` without compression; `{url}` in one of them is its URL."""
    url = f"{scheme}://127.0.0.1:{backend.port}"
    filled = {
        option: value.replace("{url}", url) if isinstance(value, str) else value
        for option, value in settings.items()
    }
    return Config.model_validate({"endpoint": url, "compression": "none"} | filled)


def send(
    backend: Backend, batch: Batch, serve_tls: ssl.SSLContext | None = None, **settings: Any
) -> Rejected | None:
    """One attempt while `backend` serves."""

    async def main() -> Rejected | PenstockError | None:
        async with backend.serving(serve_tls), running(to(backend, **settings)) as exporter:
            return await outcome(exporter, batch)

    return told(asyncio.run(main()))


@pytest.mark.parametrize("batch", [spans(3), points(3), records(3)], ids=[*Signal])
def test_every_signal_arrives_byte_for_byte_at_its_path(batch: Batch) -> None:
    backend = Backend()
    assert send(backend, batch) is None
    (request,) = backend.requests
    assert request.path == f"/v1/{batch.signal}"
    assert request.headers["Content-Type"] == PROTOBUF
    assert request.body == batch.to_otlp()
    assert "Content-Encoding" not in request.headers


def test_json_is_sent_where_that_is_the_encoding() -> None:
    backend, batch = Backend(), spans(3)
    send(backend, batch, encoding="json")
    (request,) = backend.requests
    assert request.headers["Content-Type"] == JSON
    assert request.body == batch.to_json()
    assert json.loads(request.body)["resourceSpans"]


def test_headers_and_user_agent_arrive() -> None:
    backend = Backend()
    send(backend, spans(3), headers={"X-Api-Key": SECRET, "Host": "tenant.example"})
    headers = backend.requests[0].headers
    assert headers["X-Api-Key"] == SECRET
    assert headers["Host"] == "tenant.example"
    assert headers["User-Agent"] == "Penstock"


@pytest.mark.parametrize("items", [100, 50_000])
@pytest.mark.parametrize(
    ("compression", "decompress"),
    [("gzip", gzip.decompress), ("deflate", zlib.decompress), ("zstd", zstandard.decompress)],
)
def test_small_and_large_requests_arrive_compressed_and_whole(
    compression: str,
    decompress: Callable[[bytes], bytes],
    items: int,
) -> None:
    backend, batch = Backend(), spans(items)
    send(backend, batch, compression=compression)
    (request,) = backend.requests
    assert request.headers["Content-Encoding"] == compression
    assert len(request.body) < batch.nbytes / 2
    assert decompress(request.body) == batch.to_otlp()


def test_a_large_request_without_compression_arrives_whole() -> None:
    backend, batch = Backend(), spans(100_000)
    send(backend, batch)
    assert backend.requests[0].body == batch.to_otlp()


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({}, "/v1/traces"),
        ({"endpoint": "{url}/"}, "/v1/traces"),
        ({"endpoint": "{url}/otlp/"}, "/otlp/v1/traces"),
        ({"traces_endpoint": "{url}/in?tenant=a"}, "/in?tenant=a"),
        ({"logs_endpoint": "{url}/logs"}, "/v1/traces"),
    ],
)
def test_a_signal_may_have_an_endpoint_of_its_own(settings: dict[str, Any], path: str) -> None:
    backend = Backend()
    send(backend, spans(3), **settings)
    assert backend.requests[0].path == path


@in_loop
async def test_a_signal_without_an_endpoint_stops_the_start() -> None:
    config = Config(traces_endpoint="http://localhost:4318/v1/traces")
    async with context("otlphttp/eu") as given:
        with pytest.raises(StartError, match=r"^otlphttp/eu: no endpoint for logs; set endpoint"):
            await config.build(given).start()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_these_statuses_are_worth_another_attempt(status: int) -> None:
    with pytest.raises(Retryable, match=f": {status} ") as raised:
        send(Backend(answering(status)), spans(3))
    assert raised.value.after is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 413, 415, 422, 500, 501, 505])
def test_all_other_failures_are_permanent(status: int) -> None:
    with pytest.raises(Permanent, match=f": {status} "):
        send(Backend(answering(status)), spans(3))


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_says_how_long_to_wait(status: int) -> None:
    with pytest.raises(Retryable) as raised:
        send(Backend(answering(status, Retry_After="7")), spans(3))
    assert raised.value.after == 7


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (PROTOBUF, Status(message="no\n\x1b[31mid").SerializeToString()),
        (JSON + "; charset=utf-8", b'{"message":"no\\n\\u001b[31mid"}'),
        ("text/plain", b"no\n\x1b[31mid"),
    ],
)
def test_the_reason_tells_who_said_what_and_no_secret(content_type: str, body: bytes) -> None:
    backend = Backend(answering(400, body, Content_Type=content_type))
    url = "{url}/in?key=" + SECRET
    with pytest.raises(Permanent) as raised:
        send(backend, spans(3), traces_endpoint=url, headers={"X-Key": SECRET})
    url = f"http://127.0.0.1:{backend.port}/in"
    assert str(raised.value) == rf"{url}: 400 Bad Request: no\n\u001b[31mid"


def test_a_refusal_says_what_to_check() -> None:
    with pytest.raises(Permanent, match="401 Unauthorized; check the credentials in headers"):
        send(Backend(answering(401)), spans(3))


def test_redirects_are_not_followed() -> None:
    backend = Backend(answering(307, Location="/elsewhere"))
    with pytest.raises(Permanent, match="307 Temporary Redirect; redirects are not followed"):
        send(backend, spans(3))
    assert len(backend.requests) == 1


PARTIAL = ExportTraceServiceResponse()
PARTIAL.partial_success.rejected_spans = 2
PARTIAL.partial_success.error_message = "too old"


@pytest.mark.parametrize(
    ("content_type", "body", "rejected"),
    [
        (PROTOBUF, PARTIAL.SerializeToString(), Rejected(2, "too old")),
        (
            JSON,
            b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}',
            Rejected(2, "too old"),
        ),
        (JSON, b"{}", None),
        ("text/plain", b"ok", None),
    ],
)
def test_partial_success_is_told(content_type: str, body: bytes, rejected: Rejected | None) -> None:
    backend = Backend(answering(200, body, Content_Type=content_type))
    assert send(backend, spans(3)) == rejected


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, b"\xff", Retryable),
        (200, bytes(5 << 20), Permanent),
        (500, bytes(5 << 20), Permanent),
        (503, bytes(5 << 20), Retryable),
    ],
)
@in_loop
async def test_an_answer_that_is_broken_or_over_4_mib_is_a_fault(
    status: int, body: bytes, fault: type[Exception]
) -> None:
    backend = Backend(answering(status, body))

    async with backend.serving(), running(to(backend)) as exporter:
        with pytest.raises(fault):
            await exporter.send(spans(3))
        backend.answer = answering()
        assert await exporter.send(spans(3)) is None


def test_a_compressed_answer_is_not_asked_for_and_not_unpacked() -> None:
    bomb = gzip.compress(bytes(100 << 20))
    backend = Backend(answering(500, bomb, Content_Encoding="gzip"))
    with pytest.raises(Permanent, match=r"500 Internal Server Error$"):
        send(backend, spans(3))
    assert backend.requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    ],
)
@in_loop
async def test_an_answer_that_is_not_http_or_breaks_off_is_worth_another_attempt(
    answer: bytes,
) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        settings = Config(endpoint=url, traces_endpoint=f"{url}/in?key={SECRET}")
        async with running(settings) as exporter:
            with pytest.raises(Retryable, match=f"{url}/in: ") as raised:
                await exporter.send(spans(3))
    assert SECRET not in str(raised.value)


@in_loop
async def test_a_cancelled_attempt_leaves_the_exporter_usable() -> None:
    arrived, over = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        arrived.set()
        await over.wait()
        return web.Response()

    backend = Backend(hang)
    async with backend.serving(), running(to(backend)) as exporter:
        sending = asyncio.create_task(exporter.send(spans(3)))
        await asyncio.wait_for(arrived.wait(), 10)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        over.set()
        backend.answer = answering()
        assert await exporter.send(spans(3)) is None


@in_loop
async def test_a_back_end_that_is_down_is_found_again_when_it_returns() -> None:
    backend = Backend()

    async with backend.serving():
        pass
    async with running(to(backend)) as exporter:
        with pytest.raises(Retryable, match="ClientConnectorError: Cannot connect"):
            await exporter.send(spans(3))
        async with backend.serving():
            assert await exporter.send(spans(3)) is None


@in_loop
async def test_connections_are_kept_and_their_number_is_limited() -> None:
    peers: set[object] = set()

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    backend = Backend(answer)
    async with backend.serving(), running(to(backend, max_conns_per_host=2)) as exporter:
        for _ in range(3):
            await asyncio.gather(*(exporter.send(spans(3)) for _ in range(8)))
    assert len(peers) == 2


def serving_with(folder: Path, *, verify_client: bool = False) -> ssl.SSLContext:
    """What `server.pem` needs to serve, and to ask for a certificate of the same authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED if verify_client else ssl.CERT_NONE
    return context


def send_encrypted(folder: Path, *, verify_client: bool = False, **tls: Any) -> None:
    """One attempt at a back end with TLS; `{folder}` in an option is the certificates'."""
    server = serving_with(folder, verify_client=verify_client)
    filled = {
        option: value.replace("{folder}", str(folder)) if isinstance(value, str) else value
        for option, value in tls.items()
    }
    send(Backend(), spans(3), server, scheme="https", tls=filled)


@pytest.mark.parametrize(
    "tls",
    [
        {"ca_file": "{folder}/ca.pem"},
        {"ca_file": "{folder}/ca.pem", "server_name_override": "localhost"},
        {"insecure_skip_verify": True},
    ],
)
def test_tls_trusts_the_given_authority_or_anyone(tls: dict[str, Any], certificates: Path) -> None:
    send_encrypted(certificates, **tls)


@pytest.mark.parametrize(
    "tls",
    [
        {},
        {"ca_file": "{folder}/stranger.pem"},
        {"ca_file": "{folder}/ca.pem", "server_name_override": "elsewhere"},
    ],
)
def test_tls_does_not_trust_others(tls: dict[str, Any], certificates: Path) -> None:
    with pytest.raises(Retryable, match="CERTIFICATE_VERIFY_FAILED"):
        send_encrypted(certificates, **tls)


def test_mutual_tls_shows_a_certificate(certificates: Path) -> None:
    trust: dict[str, Any] = {"verify_client": True, "ca_file": "{folder}/ca.pem"}
    with pytest.raises(Retryable):
        send_encrypted(certificates, **trust)
    files: dict[str, Any] = {"cert_file": "{folder}/client.pem", "key_file": "{folder}/client.key"}
    send_encrypted(certificates, **trust, **files)
    chain, key = certificates / "client.pem", certificates / "client.key"
    texts: dict[str, Any] = {"cert_pem": chain.read_text(), "key_pem": key.read_text()}
    send_encrypted(certificates, **trust, **texts)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "expected an endpoint"),
        ({"endpoint": ""}, "expected a URL"),
        ({"endpoint": "backend:4318"}, "expected a URL"),
        ({"endpoint": "ftp://backend"}, "expected a URL"),
        ({"endpoint": "http://"}, "expected a URL"),
        ({"endpoint": "http://[::1"}, "Invalid"),
        ({"endpoint": "http://user:pw@backend:4318"}, "send them as headers"),
        ({"endpoint": "http://backend:4318?key=1"}, "use traces_endpoint"),
        ({"endpoint": "http://backend", "compression": "snappy"}, "'gzip', 'zstd', 'deflate'"),
        ({"endpoint": "http://backend", "compression_params": {"level": 10}}, "at most 9 for gzip"),
        ({"endpoint": "http://backend", "encoding": "xml"}, "'proto' or 'json'"),
        ({"endpoint": "https://backend", "tls": {"insecure": True}}, "contradicts"),
        ({"endpoint": "http://backend", "tls": {"ca_file": "x"}}, "sent to in clear"),
        ({"endpoint": "http://backend", "proxy_url": "http://proxy"}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate(settings)


def test_one_attempt_takes_30_seconds_unless_told_otherwise() -> None:
    assert Config(endpoint="http://backend").timeout == 30


@in_loop
async def test_stop_works_without_start_and_twice() -> None:
    async with running(Config(endpoint="http://localhost:4318")) as exporter:
        await exporter.stop()
        await exporter.stop()
