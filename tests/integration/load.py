"""A sender of spans that knows which of them Penstock has answered for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.program import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SPANS = 25

AGAIN = {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
"""The codes after which OTLP has a sender try again."""

_ids = count(1)


class Load:
    """Sends requests of `SPANS` spans over several connections from `with` on until `stop`, or
    until the server ends."""

    def __init__(self, port: int, connections: int = 4) -> None:
        self.accepted: list[bytes] = []
        """Ids of the spans that the server has answered for."""
        self._address = f"127.0.0.1:{port}"
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(connections)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more; every request has been answered, or never will be."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def send(self, requests: int) -> None:
        """Send so many requests, one after the other; each must be accepted."""
        with self._channel() as channel:
            for _ in range(requests):
                self._export(channel)

    @contextmanager
    def _channel(self) -> Iterator[grpc.Channel]:
        with self._open() as channel:
            grpc.channel_ready_future(channel).result(PATIENCE)
            yield channel

    def _open(self) -> grpc.Channel:
        return grpc.insecure_channel(self._address)

    def _send(self) -> None:
        with self._channel() as channel:
            while not self._end.is_set():
                try:
                    self._export(channel)
                except grpc.RpcError:
                    return

    def _export(self, channel: grpc.Channel) -> None:
        spans = list(self._spans())
        request = ExportTraceServiceRequest()
        request.resource_spans.add().scope_spans.add().spans.extend(spans)
        self._deliver(channel.unary_unary(EXPORT), request.SerializeToString())
        self.accepted += [span.span_id for span in spans]

    def _deliver(self, export: grpc.UnaryUnaryMultiCallable[bytes, bytes], request: bytes) -> None:
        """Returns when it was taken."""
        export(request, timeout=PATIENCE)

    def _spans(self) -> Iterator[Span]:
        for _ in range(SPANS):
            yield Span(name="work", trace_id=b"t" * 16, span_id=next(_ids).to_bytes(8, "big"))


class Patient(Load):
    """Senders that try again what is refused for now, as OTLP has them do."""

    pause = 0.1
    """Seconds between two attempts."""
    pace = 0.02
    """Seconds between two requests."""

    def __init__(self, port: int, connections: int) -> None:
        super().__init__(port, connections)
        self.answers: Counter[str] = Counter()
        """By gRPC code."""

    def _deliver(self, export: grpc.UnaryUnaryMultiCallable[bytes, bytes], request: bytes) -> None:
        while (code := self._attempt(export, request)) in AGAIN and not self._end.is_set():
            time.sleep(self.pause)
        if code != "OK":
            raise grpc.RpcError(code)
        time.sleep(self.pace)

    def _attempt(self, export: grpc.UnaryUnaryMultiCallable[bytes, bytes], request: bytes) -> str:
        code = "OK"
        try:
            export(request, timeout=10)  # as SDKs do
        except grpc.RpcError as error:
            code = error.code().name
        self.answers[code] += 1
        return code
