"""Hostile answers by HTTP/1."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

from tests.faults.hostile_back_ends import MIB, PLENTY, Peer

if TYPE_CHECKING:
    from tests.faults.hostile_back_ends import Answer


async def accept_http(peer: Peer, _: int) -> None:
    await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def saying(*pieces: bytes, then: bytes = b"", every: float = 0.0) -> Answer:
    """Write these, and then one thing without end, or slowly."""

    async def answer(peer: Peer, _: int) -> None:
        for piece in pieces:
            await peer.write(piece)
        while then and every:
            await peer.write(then)
            await asyncio.sleep(every)
        if then:
            await peer.repeat(then)

    return answer


OK, UNAVAILABLE = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 Busy\r\n"
PROTOBUF = b"Content-Type: application/x-protobuf\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def length(size: int) -> bytes:
    return b"Content-Length: %d\r\n" % size


def body(status: bytes, headers: bytes, content: bytes) -> Answer:
    return saying(status + headers + length(len(content)) + b"\r\n" + content)


MANY_ZEROS = bytes(PLENTY)
A_CHUNK = b"100000\r\n" + MANY_ZEROS + b"\r\n"
BOMB = gzip.compress(bytes(128 * MIB), compresslevel=1)

ENDLESS_HTTP_ANSWERS = {
    "line ends": saying(then=b"\r\n" * 1000),
    "interim answers": saying(then=b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a chunk extension": saying(OK + CHUNKED + b"\r\n1;", then=b"x" * 10_000),
}
"""What only the time-out ends, since HTTP sets no bounds to it: nothing of it is kept."""

HTTP_ANSWERS = {
    "10 GiB, announced": saying(OK + length(10 << 30) + b"\r\n", then=MANY_ZEROS),
    "10 GiB, until the end": saying(OK + b"\r\n", then=MANY_ZEROS),
    "10 GiB in chunks": saying(OK + CHUNKED + b"\r\n", then=A_CHUNK),
    "10 GiB with a failure": saying(UNAVAILABLE + CHUNKED + b"\r\n", then=A_CHUNK),
    "endless headers": saying(OK, then=b"X-Header: value\r\n" * 1000),
    "an endless header": saying(OK + b"X-Header: ", then=b"x" * 10_000),
    "an endless first line": saying(b"HTTP/1.1 200 ", then=b"x" * 10_000),
    "endless trailers": saying(OK + CHUNKED + b"\r\n0\r\n", then=b"X-Trailer: value\r\n" * 1000),
    "a trailer of 1 MiB": saying(OK + CHUNKED + b"\r\n0\r\nX-Trailer: " + b"x" * MIB + b"\r\n\r\n"),
    "a gzip bomb": body(OK, PROTOBUF + b"Content-Encoding: gzip\r\n", BOMB),
    "a gzip bomb in transfer": body(OK, PROTOBUF + b"Transfer-Encoding: gzip\r\n", BOMB),
    "a slow header": saying(OK + b"X: ", then=b"x", every=0.01),
    "slow headers": saying(OK, then=b"X: y\r\n", every=0.01),
    "a slow body": saying(OK + length(1000) + b"\r\n", then=b"x", every=0.01),
    "silence": saying(),
    "a redirect to itself": saying(
        b"HTTP/1.1 307 Go\r\nLocation: /v1/traces\r\n" + length(0) + b"\r\n"
    ),
    "a reason that forges a line": saying(
        b"HTTP/1.1 503 Bus\x1b[2Jy\tnow\r\n" + length(0) + b"\r\n"
    ),
    "a long reason": saying(b"HTTP/1.1 503 " + b"x" * 8000 + b"\r\n" + length(0) + b"\r\n"),
    "a long message": body(UNAVAILABLE, b"Content-Type: text/plain\r\n", b"x\x1b\n" * MIB),
    "JSON without bottom": body(OK, JSON, b"[" * MIB),
    "JSON with a giant number": body(
        OK, JSON, b'{"partialSuccess":{"rejectedSpans":' + b"9" * MIB + b"}}"
    ),
    "a message without bottom": body(OK, PROTOBUF, b"\x0b" * MIB),
    "two lengths": saying(OK + length(1) + length(2) + b"\r\nxx"),
    "a negative length": saying(OK + length(-1) + b"\r\n"),
    "an answer to the next request": saying(OK + length(0) + b"\r\n" + b"HTTP/1.1 500 No\r\n"),
}
