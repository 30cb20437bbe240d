"""Valid requests with every byte of them damaged, and heads of requests that nobody may send."""

from __future__ import annotations

import gzip
import random
import re
from collections import Counter
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import orjson
from hypothesis import HealthCheck, Phase, given, seed, settings

from penstock.pipeline import Signal
from tests.kernel.documents import otlp_json
from tests.kernel.messages import REQUESTS, payloads
from tests.receivers.clients import JSON, PROTOBUF, connect

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator

VOLLEY = 64
"""Requests that are sent before the first answer is read."""

SOON = 0.02
"""Seconds in which a server answers what it takes for a whole request."""

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")

Request = bytes
"""A whole HTTP request."""


def valid_bodies(count: int, first_seed: int = 0) -> list[tuple[Signal, str, bytes]]:
    """Requests of every signal, as protobuf and as JSON: signal, content type and body."""
    bodies: list[tuple[Signal, str, bytes]] = []
    for signal in Signal:
        for payload in drawn(signal, -(-count // 6), first_seed):
            text = orjson.dumps(otlp_json(REQUESTS[signal].FromString(payload)))
            bodies += [(signal, PROTOBUF, payload), (signal, JSON, text)]
    return bodies[:count]


def drawn(signal: Signal, count: int, first_seed: int) -> list[bytes]:
    """Random payloads, the same for the same seed."""
    found: list[bytes] = []

    @seed(first_seed)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(payloads(signal))
    def collect(payload: bytes) -> None:
        found.append(payload)

    collect()
    return found[:count]


def request(signal: Signal, content_type: str, body: bytes, encoding: str = "identity") -> Request:
    """A POST of `body`."""
    head = (
        f"POST /v1/{signal} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
        f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def with_each_byte_damaged(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """`data` with its first byte changed, with its second byte changed, and so on."""
    damaged = bytearray(data)
    for at, byte in enumerate(data):
        damaged[at] = byte ^ chance.randint(1, 255)
        yield bytes(damaged)
        damaged[at] = byte


def damaged_requests(
    bodies: Iterable[tuple[Signal, str, bytes]], first_seed: int = 0
) -> Iterator[Request]:
    """Each body with every byte changed in turn, every other one of them within gzip."""
    chance = random.Random(first_seed)
    for number, (signal, content_type, body) in enumerate(bodies):
        encoding = "gzip" if number % 2 else "identity"
        whole = gzip.compress(body, 1) if encoding == "gzip" else body
        for damaged in with_each_byte_damaged(whole, chance):
            yield request(signal, content_type, damaged, encoding)


def statuses(port: int, requests: Iterable[Request]) -> Counter[int]:
    """How a server answers requests, over one connection that must last."""
    found: Counter[int] = Counter()
    remaining = iter(requests)
    with connect(port) as connection:
        while volley := [*islice(remaining, VOLLEY)]:
            connection.sendall(b"".join(volley))
            found.update(_answers(connection, len(volley)))
    return found


def _answers(connection: socket.socket, count: int) -> list[int]:
    heard = bytearray()
    while len(found := STATUS.findall(heard)) < count:
        data = connection.recv(65536)
        if not data:
            message = f"the connection ended after {len(found)} of {count} answers"
            raise ConnectionError(message)
        heard += data
    return [int(status) for status in found]


def _heard_soon(connection: socket.socket) -> bytes:
    """What a server says before it seems to wait for more."""
    connection.settimeout(SOON)
    try:
        return connection.recv(65536)
    except TimeoutError:
        return b""


HEADS = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
)
HOSTILE_HEADS = (
    b"\0" * 1000,
    b"\xff\xfe GET / HTTP/1.1\r\n\r\n",
    b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /\0\r\x1b[31m HTTP/1.1\r\n\r\n",
    b"GET /%00%ff%c0%af/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET * HTTP/9.9\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 10_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nTransfer-Encoding: x, chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"GET / HTTP/1.1\r\nAccept: \xff\xff\r\nAccept-Encoding: \xff\r\nRange: bytes=0-0,-1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000,
)
"""What no client sends, to ports of HTTP."""


def damaged_heads(first_seed: int = 0) -> Iterator[bytes]:
    """Requests that no client sends, and those that clients send with every byte changed."""
    chance = random.Random(first_seed)
    yield from HOSTILE_HEADS
    for head in HEADS:
        yield from with_each_byte_damaged(head, chance)


def answers(port: int, heads: Iterable[bytes]) -> Counter[int]:
    """How a server answers heads, each on a connection of its own; 0 where it says nothing."""
    found: Counter[int] = Counter()
    for head in heads:
        with connect(port) as connection, suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(head)
            said = STATUS.match(_heard_soon(connection))
            found[int(said[1]) if said else 0] += 1
    return found
