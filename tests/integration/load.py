"""A sender of spans that knows which of them Penstock has answered for."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.program import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
CONNECTIONS, SPANS = 4, 25


class Load:
    """Sends requests of `SPANS` spans over several connections from `with` on until `stop`, or
    until the server ends."""

    def __init__(self, port: int) -> None:
        self.accepted: list[bytes] = []
        """Ids of the spans that the server has answered for."""
        self._address = f"127.0.0.1:{port}"
        self._ids = count(1)
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(CONNECTIONS)]

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

    def _channel(self) -> grpc.Channel:
        channel = grpc.insecure_channel(self._address)
        grpc.channel_ready_future(channel).result(PATIENCE)
        return channel

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
        export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
        export(request.SerializeToString(), timeout=PATIENCE)
        self.accepted += [span.span_id for span in spans]

    def _spans(self) -> Iterator[Span]:
        for _ in range(SPANS):
            yield Span(name="work", trace_id=b"t" * 16, span_id=next(self._ids).to_bytes(8, "big"))
