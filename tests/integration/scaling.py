"""Many gateways as one: items with numbers, the processes that they pass through, and the back end
that says which of them arrived, how often, and by which gateway."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from penstock.config.settings import PipelineSettings, Settings, TelemetrySettings
from penstock.pipeline import Batch, Exporter, ExporterConfig, Signal
from penstock.pipeline.runner import Running
from penstock.receivers.otlp import GRPC_METHODS, Config
from tests.integration.program import eventually, free_ports
from tests.receivers.clients import GrpcSender

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message
    from numpy.typing import NDArray

    from penstock.pipeline import Context

REQUEST = 1_000
"""Items of a request."""

TRACE = 10
"""Spans of a trace, which come one after the other."""

KEYS = 500
"""Resources, each with a series, to which points come in turn."""

GATEWAY = "gateway"
"""The attribute of resources that tells which gateway passed an item on."""

_START, _TRACE_ID, _KEY = b"\x01\x02\x03\x04\x05\x06\x07\x08", b"\x11" * 16, b"?" * 8


class Requests:
    """Requests of items that are numbered by their start time, and cost next to nothing to make."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        message = _spans() if signal is Signal.TRACES else _points()
        self._bytes = np.frombuffer(bytearray(message.SerializeToString()), dtype=np.uint8)
        self._starts = self._places(_START)
        self._traces = self._places(_TRACE_ID)
        self._keys = self._places(_KEY)

    def request(self, first: int) -> bytes:
        """Items from the number `first` on."""
        numbers = np.arange(first, first + REQUEST, dtype="<u8")
        self._put(self._starts, numbers.view(np.uint8).reshape(-1, 8))
        traces = np.zeros((REQUEST, 16), dtype=np.uint8)
        traces[:, 8:] = (numbers // TRACE + 1).astype(">u8").view(np.uint8).reshape(-1, 8)
        self._put(self._traces, traces)
        powers = 10 ** np.arange(7, -1, -1, dtype=np.uint64)
        self._put(self._keys, (numbers % KEYS)[:, None] // powers % 10 + ord("0"))
        return self._bytes.tobytes()

    def _places(self, pattern: bytes) -> NDArray[np.int64]:
        found = re.finditer(re.escape(pattern), self._bytes.tobytes())
        starts = np.array([match.start() for match in found], dtype=np.int64)
        return starts[:, np.newaxis] + np.arange(len(pattern))

    def _put(self, places: NDArray[np.int64], values: NDArray[Any]) -> None:
        if len(places):
            self._bytes[places] = values


def _spans() -> Message:
    message = ExportTraceServiceRequest()
    resource = message.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = resource.scope_spans.add()
    for _ in range(REQUEST):
        span = scope.spans.add(name="GET /", trace_id=_TRACE_ID, span_id=b"\x22" * 8)
        span.start_time_unix_nano = int.from_bytes(_START, "little")
    return message


def _points() -> Message:
    """Deltas of 1, each of a resource of its own."""
    message = ExportMetricsServiceRequest()
    for _ in range(REQUEST):
        resource = message.resource_metrics.add()
        resource.resource.attributes.add(key="key").value.string_value = _KEY.decode()
        counts = resource.scope_metrics.add().metrics.add(name="orders").sum
        counts.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
        counts.is_monotonic = True
        point = counts.data_points.add(as_int=1)
        point.time_unix_nano = int.from_bytes(_START, "little")
    return message


def send(port: int, signal: Signal, numbers: range, rate: float, until: Callable[[], bool]) -> int:
    """Send items of those numbers to an agent, at most so many a second, until told to stop;
    returns how many were taken. What is refused is sent again."""
    requests, began, sent = Requests(signal), time.monotonic(), 0
    with GrpcSender(port) as sender:
        while sent < len(numbers) and not until():
            if (early := sent / rate - (time.monotonic() - began)) > 0:
                time.sleep(early)
            answer = sender.call(GRPC_METHODS[signal], requests.request(numbers.start + sent))
            if answer.code.name == "OK":
                sent += REQUEST
    return sent


class Tally(Exporter):
    """Counts the items that arrive, by number, and notes who passed them on."""

    def __init__(self, most: int) -> None:
        self.times = np.zeros(most, dtype=np.uint16)
        """How often each number arrived."""
        self.gateways: list[str] = []
        self.of_trace: dict[str, NDArray[np.bool_]] = {}
        """For each gateway the traces of which it passed something on."""
        self.totals: dict[tuple[str, int, str], float] = {}
        """What each series came to, by key, start and gateway."""
        self.arrived = 0
        """Different items."""
        self._most = most

    async def send(self, batch: Batch) -> None:
        if batch.signal is Signal.TRACES:
            self._take_spans(batch)
        else:
            self._take_points(batch)

    def _take_spans(self, batch: Batch) -> None:
        numbers = batch.numbers("span.start_time_unix_nano")
        self.arrived += len(np.unique(numbers[self.times[numbers] == 0]))
        np.add.at(self.times, numbers, 1)
        gateways = batch.column(f'resource.attributes["{GATEWAY}"]')
        for code, gateway in enumerate(gateways.values):
            traces = self.of_trace.setdefault(gateway, np.zeros(self._most // TRACE + 1, bool))
            traces[numbers[gateways.codes == code] // TRACE] = True

    def _take_points(self, batch: Batch) -> None:
        keys = batch.column('resource.attributes["key"]')
        gateways = batch.column(f'resource.attributes["{GATEWAY}"]')
        starts = batch.numbers("datapoint.start_time_unix_nano")
        series, places = np.unique(
            np.stack([keys.codes, starts, gateways.codes]), axis=1, return_inverse=True
        )
        values = np.zeros(series.shape[1])
        np.maximum.at(values, places.reshape(-1), batch.numbers("datapoint.value"))
        for (key, start, gateway), value in zip(series.T.tolist(), values.tolist(), strict=True):
            name = (keys.values[key], start, gateways.values[gateway])
            self.totals[name] = max(self.totals.get(name, 0), value)

    @property
    def repeated(self) -> int:
        """How often an item came once more."""
        return int(self.times.sum()) - self.arrived

    @property
    def shared_traces(self) -> int:
        """Traces that more than one gateway passed something on of."""
        return int(np.count_nonzero(sum(np.asarray(list(self.of_trace.values()), dtype=int)) > 1))

    @property
    def total(self) -> float:
        """What all series came to."""
        return sum(tuple(self.totals.values()))


class TallyConfig(ExporterConfig):
    tally: Any

    def build(self, context: Context) -> Exporter:
        return self.tally  # type: ignore[no-any-return]


class BackEnd:
    """A back end in a thread of its own, which takes OTLP; `tally` says what it got."""

    def __init__(self, most: int) -> None:
        self.tally = Tally(most)
        [self.port] = free_ports(1)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def expect(self, items: int) -> None:
        """Wait until so many different items have arrived, as long as more do."""
        _as_long_as_more_come(lambda: self.tally.arrived, items)

    def expect_total(self, total: int) -> None:
        """Wait until all series together came to that, as long as they grow."""
        _as_long_as_more_come(lambda: self.tally.total, total)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        grpc = {"endpoint": f"127.0.0.1:{self.port}"}
        settings = Settings(
            receivers={"otlp": Config.model_validate({"protocols": {"grpc": grpc}})},
            exporters={"tally": TallyConfig(tally=self.tally)},
            pipelines={
                signal.value: PipelineSettings(signal.value, signal, ("otlp",), (), ("tally",))
                for signal in (Signal.TRACES, Signal.METRICS)
            },
            telemetry=TelemetrySettings(page=None),
        )
        async with Running(settings):
            self._ready.set()
            await self._over.wait()


def _as_long_as_more_come(count: Callable[[], float], wanted: float) -> None:
    seen = -1.0

    def more() -> bool:
        return count() > seen

    while seen < wanted:
        eventually(more, count)
        seen = count()
