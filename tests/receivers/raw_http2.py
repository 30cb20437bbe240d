"""A sender that can say anything in HTTP/2 and gRPC, for what proper clients would not send."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import h2.config
import h2.connection
import h2.events
from hyperframe.frame import Frame, GoAwayFrame

from penstock.receivers.otlp import GRPC_METHODS
from tests.receivers.clients import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.pipeline import Signal

GRPC_HEAD = (("content-type", "application/grpc"), ("te", "trailers"))

FRAME_HEADER = 9
"""Bytes in front of every HTTP/2 frame."""


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
            self.streams[event.stream_id].headers |= text_of(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id].data += event.data
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[event.stream_id].is_whole = True
        elif isinstance(event, h2.events.StreamReset):
            self.streams[event.stream_id].reset = event.error_code


def text_of(headers: Iterable[tuple[str | bytes, str | bytes]]) -> dict[str, str]:
    """Headers, which the library has decoded although its types do not say so."""
    return {str(name): str(value) for name, value in headers}


def whole_frames(data: bytearray) -> Iterator[Frame]:
    """The HTTP/2 frames that `data` starts with, which are taken from it."""
    while len(data) >= FRAME_HEADER:
        frame, length = Frame.parse_frame_header(memoryview(data[:FRAME_HEADER]))
        if len(data) < FRAME_HEADER + length:
            return
        frame.parse_body(memoryview(data[FRAME_HEADER : FRAME_HEADER + length]))
        del data[: FRAME_HEADER + length]
        yield frame
