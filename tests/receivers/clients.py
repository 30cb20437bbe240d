"""Senders of OTLP by the clients that everyone uses, and answers to bytes on a socket."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import grpc
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status  # type: ignore[import-untyped]

from penstock.receivers.otlp import GRPC_METHODS
from tests.receivers.serving import HTTP_PATHS, PATIENCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

    from penstock.pipeline import Batch
    from tests.receivers.serving import Server

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> Status:
        """The body as `google.rpc.Status`, in the content type that the response names."""
        if self.headers["content-type"] == JSON:
            return json_format.Parse(self.body, Status())
        assert self.headers["content-type"] == PROTOBUF
        return Status.FromString(self.body)


def connect(port: int) -> socket.socket:
    """A connection to a server on this machine."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class HttpSender:
    """A connection of `http.client`, kept for request after request."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        if tls:
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=PATIENCE, context=tls
            )
        else:
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def request(
        self,
        path: str,
        body: bytes | Iterable[bytes],
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
    ) -> Answer:
        """One request; an iterable body is sent in chunks."""
        head = {"Content-Type": PROTOBUF, **(headers or {})}
        self._connection.request(method, path, body, head)
        return read_answer(self._connection.getresponse())

    def send(self, server: Server, batch: Batch, **headers: str) -> Answer:
        """Send a batch as protobuf, and keep the books."""
        answer = self.request(HTTP_PATHS[batch.signal], batch.to_otlp(), headers)
        if answer.status == http.client.OK:
            server.tell(len(batch))
        return answer


def post(
    port: int,
    path: str,
    body: bytes | Iterable[bytes],
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own."""
    with HttpSender(port) as sender:
        return sender.request(path, body, headers)


def read_answer(response: http.client.HTTPResponse) -> Answer:
    """What a response says."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def read_response(connection: socket.socket) -> Answer:
    """The next response on a connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return read_answer(response)


def send_http(server: Server, batch: Batch, **headers: str) -> Answer:
    """Send a batch over a connection of its own, and keep the books."""
    with HttpSender(server.ports[1]) as sender:
        return sender.send(server, batch, **headers)


def exchange(port: int, request: bytes) -> bytes:
    """Everything that the server says to these bytes before it closes the connection."""
    with connect(port) as connection:
        connection.sendall(request)
        return read_to_end(connection)


def read_to_end(connection: socket.socket) -> bytes:
    """What arrives before the peer closes the connection; a reset ends it too."""
    received = bytearray()
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return bytes(received)


@dataclass(frozen=True)
class GrpcAnswer:
    """The outcome of a gRPC call."""

    code: grpc.StatusCode
    message: str = ""
    status: Status | None = None
    """From `grpc-status-details-bin`."""
    response: bytes = b""


class GrpcSender:
    """A channel of grpcio's, which sends messages as they are."""

    def __init__(
        self,
        port: int | str,
        tls: grpc.ChannelCredentials | None = None,
        authority: str = "127.0.0.1",
    ) -> None:
        target = port if isinstance(port, str) else f"127.0.0.1:{port}"
        options = [
            # Channels to one address would otherwise share a connection.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", -1),
            ("grpc.default_authority", authority),
        ]
        if tls:
            self._channel = grpc.secure_channel(target, tls, options)
        else:
            self._channel = grpc.insecure_channel(target, options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(
        self, method: str, message: bytes, compression: grpc.Compression | None = None
    ) -> GrpcAnswer:
        """Send one message and wait for what becomes of it."""
        call = self.begin(method, message, compression)
        if call.exception() is None:
            return GrpcAnswer(call.code(), response=call.result())
        return GrpcAnswer(call.code(), call.details() or "", rpc_status.from_call(call))

    def begin(
        self, method: str, message: bytes, compression: grpc.Compression | None = None
    ) -> grpc._CallFuture[bytes]:  # the name that the stubs give it
        """Send one message without waiting."""
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method)
        return call.future(message, timeout=PATIENCE, compression=compression)

    def send(
        self, server: Server, batch: Batch, compression: grpc.Compression | None = None
    ) -> GrpcAnswer:
        """Send a batch, and keep the books."""
        answer = self.call(GRPC_METHODS[batch.signal], batch.to_otlp(), compression)
        if answer.code is grpc.StatusCode.OK:
            server.tell(len(batch))
        return answer


def send_grpc(
    server: Server, batch: Batch, compression: grpc.Compression | None = None
) -> GrpcAnswer:
    """Send a batch over a connection of its own, and keep the books."""
    with GrpcSender(server.ports[0]) as sender:
        return sender.send(server, batch, compression)
