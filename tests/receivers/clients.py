"""Senders of OTLP: proper ones, and ones that can say anything on a socket."""

from __future__ import annotations

import http.client
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import grpc
import h2.config
import h2.connection
import h2.events
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from hyperframe.frame import Frame, GoAwayFrame

from penstock.receivers.otlp import GRPC_METHODS
from tests.receivers.serving import HTTP_PATHS, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.pipeline import Batch, Signal
    from tests.receivers.serving import Server

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
FRAME_HEADER = 9
GRPC_HEAD = (("content-type", "application/grpc"), ("te", "trailers"))


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

    def __init__(self, port: int) -> None:
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

    def __init__(self, server: Server, port: int | None = None) -> None:
        self._server = server
        # Channels to one address would otherwise share a connection.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port or server.ports[0]}", options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(
        self, method: str, message: bytes, compression: grpc.Compression | None = None
    ) -> GrpcAnswer:
        """Send one message and wait for what becomes of it."""
        try:
            response = self.begin(method, message, compression).result()
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            return GrpcAnswer(error.code(), error.details() or "", rpc_status.from_call(error))
        return GrpcAnswer(grpc.StatusCode.OK, response=response)

    def begin(
        self, method: str, message: bytes, compression: grpc.Compression | None = None
    ) -> grpc.CallFuture[bytes]:
        """Send one message without waiting."""
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method)
        return call.future(message, timeout=PATIENCE, compression=compression)

    def send(self, batch: Batch, compression: grpc.Compression | None = None) -> GrpcAnswer:
        """Send a batch, and keep the books."""
        answer = self.call(GRPC_METHODS[batch.signal], batch.to_otlp(), compression)
        if answer.code is grpc.StatusCode.OK:
            self._server.tell(len(batch))
        return answer


def send_grpc(server: Server, batch: Batch, compression: grpc.Compression | None = None) -> GrpcAnswer:
    """Send a batch over a connection of its own, and keep the books."""
    with GrpcSender(server) as sender:
        return sender.send(batch, compression)


def framed(message: bytes, *, compressed: bool = False, length: int | None = None) -> bytes:
    """A gRPC message with its prefix, which may lie about its length."""
    return struct.pack(">BI", compressed, len(message) if length is None else length) + message


@dataclass
class Stream:
    """One HTTP/2 request's answer."""

    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    is_whole: bool = False
    reset: int | None = None

    @property
    def grpc_code(self) -> int:
        """The gRPC status, from the trailers or the only headers."""
        return int(self.headers["grpc-status"])


class H2Sender:
    """HTTP/2 in the raw, for what grpcio would not send."""

    def __init__(self, port: int) -> None:
        self.socket = connect(port)
        config = h2.config.H2Configuration(header_encoding="utf-8")
        self.protocol = h2.connection.H2Connection(config)
        self.protocol.initiate_connection()
        self.streams: dict[int, Stream] = {}
        self.goaway: int | None = None
        self._unparsed = bytearray()
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        """Put what the protocol has to say on the socket."""
        self.socket.sendall(self.protocol.data_to_send())

    def open(self, path: str, *headers: tuple[str, str], end: bool = False) -> int:
        """Send a request's head; returns the stream's number."""
        stream = self.protocol.get_next_available_stream_id()
        pseudo = {":method": "POST", ":scheme": "http", ":authority": "penstock", ":path": path}
        self.protocol.send_headers(stream, [*pseudo.items(), *headers], end_stream=end)
        self.streams[stream] = Stream()
        self.flush()
        return stream

    def push(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send a part of a request's body, as the server makes room for it, unless it has reset
        the stream."""
        rest = memoryview(data)
        while rest and self.streams[stream].reset is None:
            window = self.protocol.local_flow_control_window(stream)
            size = min(len(rest), window, self.protocol.max_outbound_frame_size)
            if not size:
                self.receive()
                continue
            self.protocol.send_data(stream, rest[:size].tobytes())
            self.flush()
            rest = rest[size:]
        if end and self.streams[stream].reset is None:
            self.protocol.end_stream(stream)
            self.flush()

    def request(self, path: str, data: bytes, *headers: tuple[str, str]) -> Stream:
        """One request and its answer."""
        stream = self.open(path, *headers)
        self.push(stream, data, end=True)
        return self.wait(stream)

    def grpc(self, signal: Signal, data: bytes, *headers: tuple[str, str]) -> Stream:
        """One gRPC call whose frames are `data` as it is."""
        return self.request(GRPC_METHODS[signal], data, *GRPC_HEAD, *headers)

    def wait(self, stream: int) -> Stream:
        """The answer of a stream, once it is whole."""
        answer = self.streams[stream]
        while not answer.is_whole and answer.reset is None:
            self.receive()
        return answer

    def receive(self) -> None:
        """Hear what the server says next; raises `ConnectionError` when it has closed."""
        data = self.socket.recv(65536)
        if not data:
            message = "the server closed the connection"
            raise ConnectionError(message)
        self._unparsed += data
        for frame in whole_frames(self._unparsed):
            if isinstance(frame, GoAwayFrame):
                # h2 would take this for the end, but streams that are open go on.
                self.goaway = frame.error_code
                continue
            for event in self.protocol.receive_data(frame.serialize()):
                self._note(event)
        self.flush()

    def _note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            self.streams[event.stream_id].headers |= dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id].data += event.data
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[event.stream_id].is_whole = True
        elif isinstance(event, h2.events.StreamReset):
            self.streams[event.stream_id].reset = event.error_code


def whole_frames(data: bytearray) -> Iterator[Frame]:
    """The HTTP/2 frames that `data` starts with, which are taken from it."""
    while len(data) >= FRAME_HEADER:
        frame, length = Frame.parse_frame_header(memoryview(data[:FRAME_HEADER]))
        if len(data) < FRAME_HEADER + length:
            return
        frame.parse_body(memoryview(data[FRAME_HEADER : FRAME_HEADER + length]))
        del data[: FRAME_HEADER + length]
        yield frame
