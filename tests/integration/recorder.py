"""A back end that keeps what it is sent: an OTLP/gRPC server on grpcio and the protobuf library."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.integration.program import eventually, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

REQUESTS: dict[str, type[Any]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
METHODS = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}
LEVELS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
}


class Recorder:
    """Listens on `port` from `start` to `stop`, as often as one likes, and keeps every request."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self._requests: dict[str, list[bytes]] = {signal: [] for signal in REQUESTS}
        self._open = threading.Event()
        self._open.set()
        self._server: grpc.Server | None = None

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self.stop()

    def start(self) -> None:
        """Listen."""
        server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers(tuple(map(self._handler, REQUESTS)))
        server.add_insecure_port(self.address)
        server.start()
        self._server = server

    def stop(self) -> None:
        """Break every connection, whatever is under way."""
        server, self._server = self._server, None
        if server:
            server.stop(grace=None).wait()

    def hold(self) -> None:
        """Take requests, but neither keep nor answer them before `release`."""
        self._open.clear()

    def release(self) -> None:
        """Keep and answer again."""
        self._open.set()

    def items(self, signal: str, service: str | None = None) -> list[str]:
        """Every span, metric or log record, each with its resource and scope, as sorted texts."""
        items = (str(item) for request in self.requests(signal) for item in _alone(request, signal))
        mark = f'"{service}"' if service else ""
        return sorted(item for item in items if mark in item)

    def spans(self) -> list[Span]:
        """Every span, in the order of arrival."""
        return [
            span
            for request in self.requests("traces")
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def requests(self, signal: str) -> list[Any]:
        """Every request, in the order of arrival."""
        return [REQUESTS[signal].FromString(payload) for payload in list(self._requests[signal])]

    def expect(self, signal: str, items: list[str], service: str | None = None) -> None:
        """Wait for as many items as `items`; they must be the same."""
        eventually(lambda: len(self.items(signal, service)) >= len(items))
        assert self.items(signal, service) == items

    def _handler(self, signal: str) -> grpc.GenericRpcHandler:
        def export(payload: bytes, _: grpc.ServicerContext) -> bytes:
            self._open.wait()
            self._requests[signal].append(payload)
            return b""

        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(export)
        return grpc.method_handlers_generic_handler(METHODS[signal], {"Export": handler})


def _alone(request: Any, signal: str) -> Iterator[Message]:
    """Requests with one item each."""
    resources, scopes, items = LEVELS[signal]
    for resource in getattr(request, resources):
        for scope in getattr(resource, scopes):
            for item in getattr(scope, items):
                alone = type(request)()
                lone_resource = _copy_without(resource, scopes, getattr(alone, resources))
                lone_scope = _copy_without(scope, items, getattr(lone_resource, scopes))
                getattr(lone_scope, items).add().CopyFrom(item)
                yield alone


def _copy_without(message: Any, children: str, parent: Any) -> Any:
    copy = parent.add()
    copy.CopyFrom(message)
    copy.ClearField(children)
    return copy
