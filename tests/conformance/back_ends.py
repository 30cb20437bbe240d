"""What exporters send to, for the contract check: small real servers that answer by a script.

A component's exporter is registered by a class of a few lines in `registry.py`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
from aiohttp import web
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from penstock.config.catalog import Kind
from penstock.config.components import config_class
from penstock.pipeline import Batch, ExporterConfig, Signal
from penstock.pipeline.delivery.delivery import DeliveryConfig
from penstock.prometheus.remote_write import V1, Message, Written
from penstock.receivers.otlp import GRPC_METHODS
from tests import kafka_broker
from tests.conformance.contract import Verdict, marked
from tests.exporters.bulk_server import pairs
from tests.prometheus.write_requests import names_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.conformance.contract import Script

_SIGNALS = {method: signal for signal, method in GRPC_METHODS.items()}
_SOON = RetryInfo(retry_delay=Duration(nanos=1_000_000))


class BackEnd:
    """Where an exporter of `type_` sends to. The least of them keeps nothing, and takes all."""

    type_: str
    keeps = True
    """Whether it can be told what arrived."""
    verdicts = frozenset({Verdict.TAKE})
    """What it can say."""
    remote = False
    """Whether it is reached over a network."""
    exact = True
    """Whether items arrive as they were, whatever numbers they hold."""
    brief = False
    """Whether only the mixed scenario is played, the others being so with another encoding."""

    @asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[int]:
        """Answer by the script; gives the port, where there is one."""
        yield 0

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        """The exporter's settings, besides those of its delivery."""
        return {}

    def exporter(self, port: int, folder: Path, delivery: dict[str, Any]) -> ExporterConfig:
        """The exporter, with this delivery if it has any."""
        config = config_class(Kind.EXPORTERS, self.type_)
        shared = delivery if issubclass(config, DeliveryConfig) else {}
        made = config.model_validate(shared | self.settings(port, folder))
        assert isinstance(made, ExporterConfig)
        return made

    def collect(self, folder: Path, script: Script) -> None:
        """Tell the script what arrived, where no server has."""


class OtlpGrpc(BackEnd, grpc.GenericRpcHandler):
    """An OTLP/gRPC server."""

    type_ = "otlp"
    verdicts = frozenset(Verdict)
    remote = True

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        return {"endpoint": f"http://127.0.0.1:{port}", "compression": "none"}

    @asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[int]:
        self._script = script
        with ThreadPoolExecutor(16) as threads:
            server = grpc.server(threads, [self])
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            try:
                yield port
            finally:
                await asyncio.to_thread(server.stop(None).wait)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        def export(request: bytes, context: grpc.ServicerContext) -> bytes:
            batch = Batch.from_otlp(_SIGNALS[details.method], request)
            return self._answer(self._script.judge(batch), context)

        return grpc.unary_unary_rpc_method_handler(export)

    def _answer(self, verdict: Verdict, context: grpc.ServicerContext) -> bytes:
        if verdict is Verdict.SILENCE:
            gone = threading.Event()
            if context.add_callback(gone.set):
                gone.wait(10)
        if verdict is Verdict.REJECT:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "never")
        if verdict is Verdict.THROTTLE:
            status = Status(code=8, message="not now")
            status.details.add().Pack(_SOON)
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status.SerializeToString()),)
            )
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "not now")
        if verdict in {Verdict.RETRY, Verdict.SILENCE}:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return _partial(verdict).SerializeToString()


class LoadBalancing(OtlpGrpc):
    """The same, one of one."""

    type_ = "loadbalancing"

    def exporter(self, port: int, folder: Path, delivery: dict[str, Any]) -> ExporterConfig:
        otlp = delivery | {"tls": {"insecure": True}, "compression": "none"}
        settings = {
            "protocol": {"otlp": otlp},
            "resolver": {"static": {"hostnames": [f"127.0.0.1:{port}"]}},
        }
        made = config_class(Kind.EXPORTERS, self.type_).model_validate(settings)
        assert isinstance(made, ExporterConfig)
        return made


@asynccontextmanager
async def _posted(
    path: str,
    answer: Callable[[web.Request], Awaitable[web.Response]],
    over: asyncio.Event,
) -> AsyncIterator[int]:
    """A server that answers what is posted to a path, and its port. `over` is set at its end, for
    answers that wait."""
    app = web.Application()
    app.router.add_post(path, answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        over.set()
        await runner.cleanup()


def _partial(verdict: Verdict) -> ExportTraceServiceResponse:
    response = ExportTraceServiceResponse()
    if verdict is Verdict.PARTIAL:
        response.partial_success.rejected_spans = 1
        response.partial_success.error_message = "not the first"
    return response


class OtlpHttp(BackEnd):
    """An OTLP/HTTP server."""

    type_ = "otlphttp"
    verdicts = frozenset(Verdict)
    remote = True

    def __init__(self, encoding: str = "proto") -> None:
        self._encoding = encoding
        self.brief = encoding != "proto"

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        endpoint = f"http://127.0.0.1:{port}"
        return {"endpoint": endpoint, "encoding": self._encoding, "compression": "none"}

    @asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[int]:
        self._script, self._over = script, asyncio.Event()
        async with _posted("/v1/{signal}", self._export, self._over) as port:
            yield port

    async def _export(self, request: web.Request) -> web.Response:
        body = await request.read()
        read = Batch.from_json if self._encoding == "json" else Batch.from_otlp
        verdict = self._script.judge(read(request.match_info["signal"], body))
        if verdict is Verdict.SILENCE:
            await self._over.wait()
        if verdict is Verdict.THROTTLE:
            return web.Response(status=429, headers={"Retry-After": "0"})
        if verdict in {Verdict.RETRY, Verdict.REJECT}:
            return web.Response(status=503 if verdict is Verdict.RETRY else 400)
        return web.Response(
            body=_partial(verdict).SerializeToString(), content_type="application/x-protobuf"
        )


class RemoteWrite(BackEnd):
    """A server of Prometheus remote write."""

    type_ = "prometheusremotewrite"
    remote = True
    exact = False

    def __init__(self, message: Message) -> None:
        self._message = message
        self.brief = message is V1
        # Version 1 has no words for a part.
        self.verdicts = frozenset(Verdict) - ({Verdict.PARTIAL} if message is V1 else set())

    def exporter(self, port: int, folder: Path, delivery: dict[str, Any]) -> ExporterConfig:
        queue = {"queue_size": delivery["sending_queue"]["queue_size"], "num_consumers": 2}
        rest = {name: value for name, value in delivery.items() if name != "sending_queue"}
        settings = {
            "endpoint": f"http://127.0.0.1:{port}/api/v1/write",
            "protobuf_message": self._message.name,
            "max_batch_size_bytes": 100,
            "remote_write_queue": queue,
        }
        made = config_class(Kind.EXPORTERS, self.type_).model_validate(rest | settings)
        assert isinstance(made, ExporterConfig)
        return made

    @asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[int]:
        self._script, self._over = script, asyncio.Event()
        async with _posted("/api/v1/write", self._write, self._over) as port:
            yield port

    async def _write(self, request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == self._message.content_type
        marks = [name.replace("_", " ") for name in names_in(self._message, await request.read())]
        verdict = self._script.judge(marked(Signal.METRICS, marks))
        if verdict is Verdict.SILENCE:
            await self._over.wait()
        if verdict is Verdict.THROTTLE:
            return web.Response(status=429, headers={"Retry-After": "0"})
        if verdict is Verdict.RETRY:
            return web.Response(status=500)
        taken = {Verdict.TAKE: len(marks), Verdict.PARTIAL: len(marks) - 1}.get(verdict, 0)
        status = 204 if verdict is Verdict.TAKE else 400
        return web.Response(status=status, headers=Written(taken).headers())


class Kafka(BackEnd):
    """A broker of Kafka."""

    type_ = "kafka"
    remote = True
    verdicts = frozenset(Verdict) - {Verdict.PARTIAL}  # a broker takes a batch whole

    def __init__(self, encoding: str = "otlp_proto") -> None:
        self._encoding = encoding
        self.brief = encoding != "otlp_proto"

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        self._broker.port = port
        encoding = {"encoding": self._encoding}
        return {
            "brokers": [f"127.0.0.1:{port}"],
            "metadata": {"retry": {"backoff": "1ms"}},
            "producer": {"linger": "0s"},
            **{signal.value: {"topic": signal.value, **encoding} for signal in Signal},
        }

    @asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[int]:
        self._script, self._over = script, asyncio.Event()
        self._broker = kafka_broker.Broker(partitions=3, judge=self._judge)
        async with kafka_broker.serving(self._broker) as port:
            yield port
            self._over.set()

    async def _judge(self, topic: str, records: list[kafka_broker.Record]) -> int:
        read = Batch.from_json if self._encoding == "otlp_json" else Batch.from_otlp
        batches = [read(topic, record.value or b"") for record in records]
        verdict = self._script.judge(Batch.concat(batches))
        self._script.batches[-1:] = batches
        if verdict is Verdict.SILENCE:
            await self._over.wait()
        return _CODES.get(verdict, kafka_broker.NOT_LEADER)


_CODES = {
    Verdict.TAKE: kafka_broker.NO_ERROR,
    Verdict.THROTTLE: kafka_broker.UNAUTHORISED,
    Verdict.REJECT: kafka_broker.REFUSED,
}


class Elasticsearch(BackEnd):
    """A server of the bulk API."""

    type_ = "elasticsearch"
    remote = True
    exact = False
    verdicts = frozenset(Verdict) - {Verdict.PARTIAL}  # it says of each document what it is

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        return {"endpoint": f"http://127.0.0.1:{port}"}

    def exporter(self, port: int, folder: Path, delivery: dict[str, Any]) -> ExporterConfig:
        queue = {"batch": None, **delivery["sending_queue"]}
        return super().exporter(port, folder, {**delivery, "sending_queue": queue})

    @asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[int]:
        self._script, self._over = script, asyncio.Event()
        async with _posted("/_bulk", self._bulk, self._over) as port:
            yield port

    async def _bulk(self, request: web.Request) -> web.Response:
        documents = [document for _, document in pairs(await request.read())]
        verdicts = [self._script.judge(_items(document)) for document in documents]
        if Verdict.SILENCE in verdicts:
            await self._over.wait()
        items = [{"create": {"status": _STATUSES[verdict]}} for verdict in verdicts]
        return web.json_response({"items": items})


_STATUSES = {
    Verdict.TAKE: 201,
    Verdict.RETRY: 503,
    Verdict.THROTTLE: 429,
    Verdict.REJECT: 400,
}


def _items(document: dict[str, Any]) -> Batch:
    """The items that a document was made of, if they had marks."""
    if "metrics" in document:
        return marked(Signal.METRICS, document["metrics"])
    signal = Signal(document["data_stream"]["type"])
    mark = document.get("name") or document.get("body", {}).get("text")
    return marked(signal, [str(mark or "unmarked")])


class File(BackEnd):
    """A file of JSON lines."""

    type_ = "file"

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        return {"path": str(folder / "data")}

    def collect(self, folder: Path, script: Script) -> None:
        for line in (folder / "data").read_bytes().splitlines():
            (kind,) = json.loads(line)
            signal = {f"resource{signal.capitalize()}": signal for signal in Signal}
            signal["resourceSpans"] = Signal.TRACES
            script.judge(Batch.from_json(signal[kind], line))


class Debug(BackEnd):
    """A file of the lines that are printed for people."""

    type_ = "debug"

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        paths = [str(folder / "printed")]
        return {"verbosity": "normal", "use_internal_logger": False, "output_paths": paths}

    def collect(self, folder: Path, script: Script) -> None:
        for line in (folder / "printed").read_text().splitlines():
            if line.startswith("sender "):
                script.taken[" ".join(line.split(" ")[:6])] += 1


class Nop(BackEnd):
    """Nowhere."""

    type_ = "nop"
    keeps = False


class Prometheus(BackEnd):
    """Nobody scrapes it."""

    type_ = "prometheus"
    exact = False
    keeps = False

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        return {"endpoint": "localhost:0"}
