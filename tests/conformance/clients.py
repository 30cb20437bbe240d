"""Senders to receivers, for the contract check: real clients that say what they were told.

A component's receiver is registered by a class of a few lines in `registry.py`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import grpc.aio

from penstock.config.catalog import Kind
from penstock.config.components import config_class
from penstock.pipeline import Receiver, ReceiverConfig, Signal
from penstock.prometheus.remote_write import ENCODING, V1, Message
from penstock.receivers.otlp import GRPC_METHODS
from tests.conformance.contract import marks_of
from tests.prometheus.write_requests import request_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from penstock.pipeline import Batch

    Send = Callable[[Batch], Awaitable["Told"]]


class Told(Enum):
    """What a sender was told of a batch."""

    TAKEN = auto()
    AGAIN = auto()
    """To send it again later."""
    NEVER = auto()
    UNKNOWN = auto()
    """Nothing that can be relied on: it may have been taken, and is sent again."""


class Client:
    """How a receiver of `type_` is sent to."""

    type_: str
    signals = frozenset(Signal)
    brief = False
    """Whether only the mixed scenario is played, the others being so with another encoding."""

    def settings(self, port: int) -> dict[str, Any]:
        """Settings of the receiver, to listen on that port."""
        raise NotImplementedError

    @asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[Send]:
        """Gives a function that sends a batch over a connection of this sender's own."""
        raise NotImplementedError
        yield

    def receiver(self, port: int) -> ReceiverConfig | Receiver:
        """The receiver, on that port, or its settings."""
        made = config_class(Kind.RECEIVERS, self.type_).model_validate(self.settings(port))
        assert isinstance(made, ReceiverConfig)
        return made


def _told(error: grpc.aio.AioRpcError) -> Told:
    if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
        return Told.NEVER
    assert error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}, error
    # A refusal says when to come again; a connection that broke off does not.
    refused = "grpc-status-details-bin" in dict(error.trailing_metadata())
    return Told.AGAIN if refused else Told.UNKNOWN


class OtlpGrpc(Client):
    """grpcio's client, with OTLP/gRPC."""

    type_ = "otlp"

    def settings(self, port: int) -> dict[str, Any]:
        return {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}

    @asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[Send]:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:

            async def send(batch: Batch) -> Told:
                method = GRPC_METHODS[batch.signal]
                export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
                try:
                    await export(batch.to_otlp(), wait_for_ready=True)
                except grpc.aio.AioRpcError as error:
                    return _told(error)
                return Told.TAKEN

            yield send


_HTTP_TOLD = {200: Told.TAKEN, 400: Told.NEVER, 503: Told.AGAIN}


class OtlpHttp(Client):
    """aiohttp's client, with OTLP/HTTP in protobuf or JSON."""

    type_ = "otlp"

    def __init__(self, encoding: str = "proto") -> None:
        self._json = self.brief = encoding == "json"

    def settings(self, port: int) -> dict[str, Any]:
        return {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}

    @asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[Send]:
        content_type = "application/json" if self._json else "application/x-protobuf"
        async with aiohttp.ClientSession(headers={"Content-Type": content_type}) as session:

            async def send(batch: Batch) -> Told:
                body = batch.to_json() if self._json else batch.to_otlp()
                url = f"http://127.0.0.1:{port}/v1/{batch.signal}"
                try:
                    async with session.post(url, data=body) as response:
                        await response.read()
                        return _HTTP_TOLD[response.status]
                except aiohttp.ClientError:
                    return Told.UNKNOWN

            yield send


_REMOTE_WRITE_TOLD = {204: Told.TAKEN, 400: Told.NEVER, 503: Told.AGAIN}


class RemoteWrite(Client):
    """aiohttp's client, with Prometheus remote write."""

    type_ = "prometheusremotewrite"
    signals = frozenset({Signal.METRICS})

    def __init__(self, message: Message) -> None:
        self._message = message
        self.brief = message is V1

    def settings(self, port: int) -> dict[str, Any]:
        return {"endpoint": f"127.0.0.1:{port}"}

    @asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[Send]:
        headers = {"Content-Type": self._message.content_type, "Content-Encoding": ENCODING}
        async with aiohttp.ClientSession(headers=headers) as session:

            async def send(batch: Batch) -> Told:
                body = request_of(self._message, marks_of(batch))
                url = f"http://127.0.0.1:{port}/api/v1/write"
                try:
                    async with session.post(url, data=body) as response:
                        await response.read()
                        return _REMOTE_WRITE_TOLD[response.status]
                except aiohttp.ClientError:
                    return Told.UNKNOWN

            yield send


_PUSH_TOLD = {202: Told.TAKEN, 400: Told.NEVER, 503: Told.AGAIN}


class PushHttp(Client):
    """aiohttp's client, with items in JSON."""

    type_ = "push_http"
    signals = frozenset({Signal.METRICS, Signal.LOGS})

    def settings(self, port: int) -> dict[str, Any]:
        return {"endpoint": f"127.0.0.1:{port}"}

    @asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[Send]:
        async with aiohttp.ClientSession() as session:

            async def send(batch: Batch) -> Told:
                is_metric = batch.signal is Signal.METRICS
                items = [
                    {"name": mark, "value": 1} if is_metric else {"body": mark}
                    for mark in marks_of(batch)
                ]
                url = f"http://127.0.0.1:{port}/v1/push/{batch.signal}"
                try:
                    async with session.post(url, json=items) as response:
                        await response.read()
                        return _PUSH_TOLD[response.status]
                except aiohttp.ClientError:
                    return Told.UNKNOWN

            yield send
