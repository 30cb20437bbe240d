"""Who abuses HTTP/2 loses its connection; who does not is served meanwhile."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import grpc
import pytest
from h2.errors import ErrorCodes
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
)

from tests.kit import spans
from tests.receivers.clients import GrpcSender, connect, read_to_end
from tests.receivers.raw_http2 import GRPC_HEAD, whole_frames

if TYPE_CHECKING:
    from tests.receivers.serving import Server

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()
HEAD = Encoder().encode(
    [(":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", "/"), *GRPC_HEAD],
    huffman=False,
)


def rapid_resets(streams: int) -> bytes:
    """Requests that are cancelled as soon as they are made (CVE-2023-44487)."""
    frames = bytearray()
    for stream in range(1, 2 * streams, 2):
        frames += HeadersFrame(stream, HEAD, flags=["END_HEADERS"]).serialize()
        frames += RstStreamFrame(stream, int(ErrorCodes.CANCEL)).serialize()
    return bytes(frames)


def endless_head(frames: int) -> bytes:
    """A head that is continued and continued (CVE-2024-27316)."""
    field = Encoder().encode([("x-more", "x" * 1000)], huffman=False)
    more = ContinuationFrame(1, field).serialize()
    return HeadersFrame(1, HEAD).serialize() + more * frames


def empty_continuations(frames: int) -> bytes:
    """A head that is continued with nothing."""
    return HeadersFrame(1, HEAD).serialize() + ContinuationFrame(1, b"").serialize() * frames


def void_windows(streams: int) -> bytes:
    """Requests that the server has to reset: their window grows by nothing (CVE-2025-8671)."""
    frames = bytearray()
    for stream in range(1, 2 * streams, 2):
        frames += HeadersFrame(stream, HEAD, flags=["END_HEADERS"]).serialize()
        frames += b"\0\0\4\x08\0" + stream.to_bytes(4, "big") + bytes(4)
    return bytes(frames)


@pytest.mark.parametrize(
    ("flood", "code"),
    [
        (rapid_resets(2_000), ErrorCodes.ENHANCE_YOUR_CALM),
        (endless_head(2_000), ErrorCodes.ENHANCE_YOUR_CALM),
        (empty_continuations(20_000), ErrorCodes.ENHANCE_YOUR_CALM),
        (void_windows(2_000), ErrorCodes.PROTOCOL_ERROR),
    ],
    ids=["resets", "continuations", "empty continuations", "windows"],
)
def test_a_flood_costs_its_sender_the_connection_and_nobody_else_anything(
    server: Server, flood: bytes, code: ErrorCodes
) -> None:
    with GrpcSender(server.port) as honest:
        assert honest.send(server, spans(1)).code is grpc.StatusCode.OK
        # A server that closes on unread bytes may take back its last words.
        assert last_words(server.port, PREFACE + flood) in {code, None}
        assert honest.send(server, spans(1)).code is grpc.StatusCode.OK
    assert server.counted("connections") == 2


def last_words(port: int, data: bytes) -> int | None:
    """The code of the GOAWAY that ends a connection on which `data` is sent."""
    with connect(port) as connection, suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(data)
        said = whole_frames(bytearray(read_to_end(connection)))
        return next((frame.error_code for frame in said if isinstance(frame, GoAwayFrame)), None)
    return None
