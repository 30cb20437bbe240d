"""OTLP/gRPC to a real server: what arrives, and what every kind of answer means."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic import ValidationError

from penstock.exporters.otlp import Config
from penstock.pipeline import Batch, Exporter, Permanent, Rejected, Retryable, Signal
from tests.exporters.attempts import attempt, running
from tests.kit import in_loop, points, records, spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    Answer = Callable[[bytes, grpc.ServicerContext], bytes]

SECRET = "s3cr3t"


class Backend(grpc.GenericRpcHandler):
    """A gRPC server that takes any method, remembers what it was sent and answers as it is told."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _request, _context: b""
        self.requests: list[bytes] = []
        self.methods: list[str] = []
        self.metadata: dict[str, str | bytes] = {}
        self.port = 0

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        self.methods.append(details.method)
        self.metadata = dict(details.invocation_metadata)
        return grpc.unary_unary_rpc_method_handler(self._export)

    def _export(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.requests.append(request)
        return self.answer(request, context)

    @contextmanager
    def serving(self, credentials: grpc.ServerCredentials | None = None) -> Iterator[None]:
        """Listen, on the port of the last time if there was one."""
        threads = ThreadPoolExecutor(4)
        options = [("grpc.max_receive_message_length", -1)]
        server = grpc.server(threads, [self], options=options)
        address = f"127.0.0.1:{self.port}"
        if credentials:
            self.port = server.add_secure_port(address, credentials)
        else:
            self.port = server.add_insecure_port(address)
        server.start()
        try:
            yield
        finally:
            server.stop(None).wait()
            threads.shutdown()


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A back end that is up, in clear."""
    backend = Backend()
    with backend.serving():
        yield backend


def to(backend: Backend, **settings: Any) -> Config:
    """Settings that send to `backend` in clear, without compression."""
    plain = {"endpoint": f"http://127.0.0.1:{backend.port}", "compression": "none"}
    return Config.model_validate(plain | settings)


@pytest.mark.parametrize(
    ("batch", "method"),
    [
        (spans(3), "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        (points(3), "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
        (records(3), "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
    ],
    ids=[*Signal],
)
def test_every_signal_arrives_byte_for_byte_at_its_method(
    batch: Batch, method: str, backend: Backend
) -> None:
    assert attempt(to(backend), batch) is None
    assert backend.methods == [method]
    assert backend.requests == [batch.to_otlp()]


def test_headers_and_user_agent_arrive(backend: Backend) -> None:
    attempt(to(backend, headers={"X-Api-Key": SECRET}, authority="tenant.example"), spans(3))
    assert backend.metadata["x-api-key"] == SECRET
    assert str(backend.metadata["user-agent"]).startswith("Penstock ")


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[tuple[int, list[int]]]:
    """A port that passes connections on to `port`, and the sizes of what was sent there."""
    sent: list[int] = []
    tasks: list[asyncio.Task[None]] = []

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sizes: list[int]
    ) -> None:
        while data := await reader.read(65_536):
            sizes.append(len(data))
            writer.write(data)
        writer.close()
        await writer.wait_closed()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)
        tasks.append(asyncio.create_task(pump(reader, back_writer, sent)))
        tasks.append(asyncio.create_task(pump(back_reader, writer, [])))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], sent
        await asyncio.gather(*tasks)


@pytest.mark.parametrize("items", [100, 20_000])
def test_gzip_makes_small_and_large_requests_smaller_and_they_arrive_whole(
    items: int, backend: Backend
) -> None:
    batch = spans(items)

    async def main() -> int:
        async with relay(backend.port) as (port, sent):
            settings = to(backend, endpoint=f"http://127.0.0.1:{port}", compression="gzip")
            async with running(settings) as exporter:
                await exporter.send(batch)
        return sum(sent)

    assert asyncio.run(main()) < batch.nbytes / 2
    assert backend.requests == [batch.to_otlp()]


def failing(code: str, message: str, wait: float | None = None) -> Answer:
    """An answer that fails, with a RetryInfo of `wait` seconds if that is given."""
    status_code = grpc.StatusCode[code]

    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        if wait is not None:
            status = Status(code=status_code.value[0], message=message)
            status.details.add().Pack(RetryInfo(retry_delay=Duration(nanos=int(wait * 1e9))))
            details = ("grpc-status-details-bin", status.SerializeToString())
            context.set_trailing_metadata((details,))
        context.abort(status_code, message)

    return answer


RETRYABLE = ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE"]
RETRYABLE += ["DATA_LOSS"]
PERMANENT = sorted({code.name for code in grpc.StatusCode} - {*RETRYABLE, "OK"})


@pytest.mark.parametrize(
    ("code", "fault"),
    [*((code, Retryable) for code in RETRYABLE), *((code, Permanent) for code in PERMANENT)],
)
def test_the_code_decides_whether_another_attempt_makes_sense(
    code: str, fault: type[Exception], backend: Backend
) -> None:
    backend.answer = failing(code, "no\n\x1b[31mgood")
    with pytest.raises(fault) as raised:
        attempt(to(backend, headers={"authorization": SECRET}), spans(3))
    reason = str(raised.value)
    told = rf"traces to http://127.0.0.1:{backend.port}: {code}: no\n\u001b[31mgood"
    assert reason.startswith(told)
    assert SECRET not in reason


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_back_end_that_throttles_says_how_long_to_wait(code: str, backend: Backend) -> None:
    backend.answer = failing(code, "slow down", wait=0.25)
    with pytest.raises(Retryable) as raised:
        attempt(to(backend), spans(3))
    assert raised.value.after == 0.25


def test_partial_success_is_told(backend: Backend) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    answer.partial_success.error_message = "too old"
    backend.answer = lambda _request, _context: answer.SerializeToString()
    assert attempt(to(backend), spans(3)) == Rejected(2, "too old")


@pytest.mark.parametrize(("answer", "fault"), [(b"\xff", Retryable), (bytes(5 << 20), Permanent)])
@in_loop
async def test_an_answer_that_is_broken_or_over_4_mib_is_a_fault(
    answer: bytes, fault: type[Exception], backend: Backend
) -> None:
    async with running(to(backend)) as exporter:
        backend.answer = lambda _request, _context: answer
        with pytest.raises(fault):
            await exporter.send(spans(3))
        backend.answer = lambda _request, _context: b""
        assert await exporter.send(spans(3)) is None


@pytest.mark.parametrize("compression", ["none", "gzip"])
@in_loop
async def test_a_cancelled_attempt_ends_at_the_back_end_and_leaves_the_exporter_usable(
    compression: str, backend: Backend
) -> None:
    arrived, over = threading.Event(), threading.Event()

    def hang(_request: bytes, context: grpc.ServicerContext) -> bytes:
        context.add_callback(over.set)
        arrived.set()
        over.wait(10)
        return b""

    backend.answer = hang
    batch = spans(20_000)

    async with running(to(backend, compression=compression)) as exporter:
        sending = asyncio.create_task(exporter.send(batch))
        assert await asyncio.to_thread(arrived.wait, 10)
        await cancel(sending)
        assert await asyncio.to_thread(over.wait, 10)
        backend.answer = lambda _request, _context: b""
        assert await exporter.send(batch) is None


async def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@in_loop
async def test_an_attempt_that_is_cancelled_while_it_is_compressed_leaves_the_exporter_usable(
    backend: Backend,
) -> None:
    batch = spans(100_000)

    async with running(to(backend, compression="gzip")) as exporter:
        sending = asyncio.create_task(exporter.send(batch))
        await asyncio.sleep(0)
        await cancel(sending)
        assert await exporter.send(spans(3)) is None


@in_loop
async def test_a_back_end_that_is_down_is_found_again_when_it_returns() -> None:
    backend = Backend()
    with backend.serving():
        pass

    async with running(to(backend)) as exporter:
        with pytest.raises(Retryable, match="UNAVAILABLE"):
            await exporter.send(spans(3))
        with backend.serving():
            await send_until_taken(exporter, spans(3))


async def send_until_taken(exporter: Exporter, batch: Batch) -> None:
    """Attempt until one succeeds, as delivery does; fails after 20 seconds."""
    deadline = time.monotonic() + 20
    while True:
        try:
            await exporter.send(batch)
        except Retryable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        else:
            return


@in_loop
async def test_an_attempt_can_wait_for_a_connection() -> None:
    backend = Backend()
    with backend.serving():
        pass
    keepalive = {"time": "10s", "timeout": "5s", "permit_without_stream": True}
    settings = to(backend, wait_for_ready=True, balancer_name="pick_first", keepalive=keepalive)

    async with running(settings) as exporter:
        sending = asyncio.create_task(exporter.send(spans(3)))
        done, _ = await asyncio.wait([sending], timeout=0.2)
        assert not done
        with backend.serving():
            assert await asyncio.wait_for(sending, 20) is None


@in_loop
async def test_requests_take_all_addresses_in_turn_and_leave_out_one_that_is_gone() -> None:
    one, other = Backend(), Backend()
    with one.serving(), ExitStack() as others:
        others.enter_context(other.serving())
        both = f"ipv4:127.0.0.1:{one.port},127.0.0.1:{other.port}"
        async with running(to(one, endpoint=both, tls={"insecure": True})) as exporter:
            while not (one.requests and other.requests):
                await send_until_taken(exporter, spans(1))
            assert await taken(20, exporter, one, other) == [10, 10]
            others.close()
            assert await taken(20, exporter, one, other) == [20, 0]


async def taken(requests: int, exporter: Exporter, *backends: Backend) -> list[int]:
    """How many requests each back end takes of so many."""
    before = [len(each.requests) for each in backends]
    for _ in range(requests):
        await send_until_taken(exporter, spans(1))
    return [len(each.requests) - some for each, some in zip(backends, before, strict=True)]


def server_credentials(folder: Path, *, verify_client: bool = False) -> grpc.ServerCredentials:
    """What `server.pem` needs to serve, and to ask for a certificate of the same authority."""
    pair = ((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())
    authority = (folder / "ca.pem").read_bytes() if verify_client else None
    return grpc.ssl_server_credentials(
        [pair], root_certificates=authority, require_client_auth=verify_client
    )


def encrypted_to(backend: Backend, **tls: Any) -> Config:
    """Settings that send to `backend` with TLS."""
    return to(backend, endpoint=f"localhost:{backend.port}", tls=tls)


def test_tls_trusts_the_given_authority(certificates: Path) -> None:
    backend, ca = Backend(), certificates / "ca.pem"
    with backend.serving(server_credentials(certificates)):
        attempt(encrypted_to(backend, ca_file=str(ca)), spans(3))
        attempt(encrypted_to(backend, ca_pem=ca.read_text()), spans(3))
        named = encrypted_to(backend, ca_file=str(ca), server_name_override="localhost")
        attempt(named, spans(3))
    assert len(backend.requests) == 3


@pytest.mark.parametrize(
    "tls",
    [
        {},
        {"ca_file": "{folder}/stranger.pem"},
        {"ca_file": "{folder}/ca.pem", "server_name_override": "elsewhere"},
    ],
)
def test_tls_does_not_trust_others(tls: dict[str, str], certificates: Path) -> None:
    backend = Backend()
    filled = {option: value.format(folder=certificates) for option, value in tls.items()}
    serving = backend.serving(server_credentials(certificates))
    with serving, pytest.raises(Retryable, match="UNAVAILABLE"):
        attempt(encrypted_to(backend, **filled), spans(3))
    assert not backend.requests


def test_mutual_tls_shows_a_certificate(certificates: Path) -> None:
    backend, ca = Backend(), str(certificates / "ca.pem")
    chain, key = certificates / "client.pem", certificates / "client.key"
    with backend.serving(server_credentials(certificates, verify_client=True)):
        with pytest.raises(Retryable):
            attempt(encrypted_to(backend, ca_file=ca), spans(3))
        files = {"cert_file": str(chain), "key_file": str(key)}
        attempt(encrypted_to(backend, ca_file=ca, **files), spans(3))
        texts = {"cert_pem": chain.read_text(), "key_pem": key.read_text()}
        attempt(encrypted_to(backend, ca_file=ca, **texts), spans(3))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "Field required"),
        ({"endpoint": ""}, "expected an address"),
        ({"endpoint": "https://"}, "expected an address"),
        ({"endpoint": "https://backend/v1/traces"}, "otlphttp exporter"),
        ({"endpoint": "http://user:pw@backend:4317"}, "send them as headers"),
        ({"endpoint": "backend:4317", "compression": "zstd"}, "no zstd"),
        ({"endpoint": "backend:4317", "compression": ["gzip"]}, "Input should be 'gzip' or 'none'"),
        ({"endpoint": "backend:4317", "headers": {"grpc-x": "1"}}, "grpc-x"),
        ({"endpoint": "backend:4317", "headers": {"x-bin": "1"}}, "x-bin"),
        ({"endpoint": "backend:4317", "tls": {"insecure_skip_verify": True}}, "always verifies"),
        ({"endpoint": "https://backend:4317", "tls": {"insecure": True}}, "contradicts"),
        ({"endpoint": "http://backend:4317", "tls": {"ca_file": "x"}}, "sent to in clear"),
        ({"endpoint": "backend:4317", "write_buffer_size": 1}, "Extra inputs"),
        ({"endpoint": "backend:4317", "balancer_name": "random"}, "'round_robin' or 'pick_first'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate(settings)


@pytest.mark.parametrize(
    ("endpoint", "target", "encrypted"),
    [
        ("backend:4317", "backend:4317", True),
        ("https://backend:4317/", "backend:4317", True),
        ("http://backend:4317", "backend:4317", False),
        ("dns:///backend:4317", "dns:///backend:4317", True),
        ("unix:///run/otlp.sock", "unix:///run/otlp.sock", True),
        ("[::1]:4317", "[::1]:4317", True),
    ],
)
def test_the_scheme_of_an_endpoint_tells_whether_to_encrypt(
    endpoint: str, target: str, encrypted: bool
) -> None:
    config = Config(endpoint=endpoint)
    assert (config.target, config.encrypted) == (target, encrypted)


@in_loop
async def test_stop_works_without_start_and_twice() -> None:
    async with running(Config(endpoint="localhost:4317")) as exporter:
        await exporter.stop()
        await exporter.stop()
