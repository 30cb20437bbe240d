"""Gateways that take spans by OTLP/gRPC, come and go, and remember what they got and when."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.pipeline import Batch, Signal
from penstock.receivers.otlp import GRPC_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator


class Arrival(NamedTuple):
    """A span that came: the how many-th, where, of which trace."""

    number: int
    gateway: str
    trace: str
    span: str


class Gateways:
    """Gateways at addresses of the loopback, all of the same port, as pods have them."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.port = 0
        self._numbers = count()
        self._servers: dict[str, grpc.Server] = {}

    def start(self, host: str) -> str:
        """Begin to serve at an address; returns it."""
        server = grpc.server(ThreadPoolExecutor(4), [_At(self, host)])
        self.port = server.add_insecure_port(f"{host}:{self.port}")
        server.start()
        self._servers[host] = server
        return host

    async def kill(self, host: str) -> None:
        """End it at once, and every call with it."""
        await asyncio.to_thread(self._servers.pop(host).stop(None).wait)

    def end(self) -> None:
        """End all."""
        for server in self._servers.values():
            server.stop(None).wait()

    def spans(self, host: str | None = None) -> set[str]:
        """The spans that came, or that came there."""
        return {each.span for each in list(self.arrivals) if host in (None, each.gateway)}

    def note(self, gateway: str, request: bytes) -> None:
        """Remember what came."""
        batch = Batch.from_otlp(Signal.TRACES, request)
        traces = batch.column("span.trace_id").to_list()
        spans = batch.column("span.name").to_list()
        self.arrivals += [
            Arrival(next(self._numbers), gateway, trace, span)
            for trace, span in zip(traces, spans, strict=True)
        ]


class _At(grpc.GenericRpcHandler):
    def __init__(self, gateways: Gateways, host: str) -> None:
        self._gateways = gateways
        self._host = host

    def service(
        self, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        if details.method != GRPC_METHODS[Signal.TRACES]:
            return None

        def export(request: bytes, _: grpc.ServicerContext) -> bytes:
            self._gateways.note(self._host, request)
            return b""

        return grpc.unary_unary_rpc_method_handler(export)


@contextmanager
def gateways(*hosts: str) -> Iterator[Gateways]:
    """Run gateways at these addresses."""
    made = Gateways()
    try:
        for host in hosts:
            made.start(host)
        yield made
    finally:
        made.end()


def traces(ids: list[bytes], name: str) -> Batch:
    """A span of each trace, named for it and for the batch."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for trace in ids:
        scope.spans.add(trace_id=trace, span_id=os.urandom(8), name=f"{trace.hex()} {name}")
    return Batch.from_otlp(Signal.TRACES, request.SerializeToString())
