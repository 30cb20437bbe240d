"""Strangers at `push_http`: slow ones, crowds, bombs, and small bodies that ask for much."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
import zstandard

from tests.integration.program import eventually
from tests.integration.pushed import Pushed
from tests.receivers.watching import peak_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
LIMIT = 2 * MIB
"""Largest body."""

CONNECTIONS = 300

PATHS = {
    "/metrics/job/a": "text/plain",
    "/v1/push/metrics": "application/json",
    "/v1/push/logs": "application/x-ndjson",
    "/write": "text/plain",
    "/open": "application/json",
}
"""Every way in, and what it takes."""


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    settings = {
        "max_request_body_size": LIMIT,
        "max_connections": CONNECTIONS,
        "read_timeout": "1s",
        "webhooks": [{"path": "/open"}],
        "pushgateway": {"max_groups": 100},
    }
    with Pushed(tmp_path_factory.mktemp("victim"), {"nop": {}}, **settings) as running:
        yield running


def send(victim: Pushed, path: str, body: bytes, encoding: str = "", method: str = "POST") -> int:
    """Send a body; the status of the answer."""
    head = {"Content-Type": PATHS.get(path, "text/plain")}
    if encoding:
        head["Content-Encoding"] = encoding
    with closing(HTTPConnection("127.0.0.1", victim.port, timeout=30)) as client:
        client.request(method, path, body, head)
        return client.getresponse().status


def turned(victim: Pushed, reason: str) -> int:
    """How many requests or connections were turned away for a reason."""
    numbers = victim.numbers()
    names = ("turned_away_requests", "ended_connections")
    return sum(numbers.total(f"penstock_receiver_{it}_total", reason=reason) for it in names)


HEAD = b"POST /write HTTP/1.1\r\nX-More: "


def begun(path: str) -> bytes:
    """The head of a request whose body does not come."""
    kind = PATHS[path]
    head = (
        f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n"
    )
    return head.encode()


SLOW = [(b"", HEAD + b"x" * 1000), (HEAD, b"x" * 1000)] + [
    (begun(path), b"x" * 1000) for path in PATHS
]
"""What connections have said, and what they go on with a byte at a time."""


def test_who_sends_a_byte_at_a_time_is_ended_and_the_others_are_served(victim: Pushed) -> None:
    each = 20
    with ExitStack() as crowd:
        slow = [
            (crowd.enter_context(socket.create_connection(("127.0.0.1", victim.port))), rest)
            for _, rest in SLOW * each
        ]
        for (peer, _), (opening, _) in zip(slow, SLOW * each, strict=True):
            peer.sendall(opening)
        begin = time.monotonic()
        for turn in range(50):
            assert send(victim, "/write", b"a f=1") == 204
            for peer, rest in slow:
                _say(peer, rest[turn : turn + 1])
            time.sleep(0.05)
        assert time.monotonic() - begin < 20
        assert all(_is_ended(peer) for peer, _ in slow)
    assert turned(victim, "header_timeout") == 2 * each
    assert turned(victim, "read_timeout") == len(PATHS) * each


def _say(peer: socket.socket, byte: bytes) -> None:
    with suppress(OSError):  # which is what should happen in the end
        peer.sendall(byte)


def _is_ended(peer: socket.socket) -> bool:
    """Whether the other side has answered, or has had enough."""
    peer.settimeout(5)
    try:
        answer = peer.recv(1000)
    except ConnectionError:
        return True
    return not answer or b" 408 " in answer


def test_a_crowd_is_told_to_come_again_and_takes_little_room(victim: Pushed) -> None:
    with ExitStack() as crowd, peak_memory(victim.pid) as growth:
        peers = [
            crowd.enter_context(socket.create_connection(("127.0.0.1", victim.port)))
            for _ in range(CONNECTIONS + 50)
        ]
        peers[-1].settimeout(5)
        answer = peers[-1].recv(1000)
        assert b" 503 " in answer
        assert b"Retry-After: 1" in answer
    assert growth.bytes < 16 * MIB
    assert turned(victim, "connection_limit") >= 50
    eventually(lambda: _is_served(victim))


def _is_served(victim: Pushed) -> bool:
    try:
        return send(victim, "/write", b"a f=1") == 204
    except OSError:
        return False


BOMBS = {
    "gzip": gzip.compress(bytes(256 * MIB)),
    "deflate": zlib.compress(bytes(256 * MIB)),
    "zstd": zstandard.compress(bytes(256 * MIB)),
    "snappy": b"\xff\xff\xff\x7f" + b"\xfe\x01\x00" * 100_000,
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", BOMBS)
def test_no_bomb_is_taken_on_any_way_in(victim: Pushed, path: str, encoding: str) -> None:
    with peak_memory(victim.pid) as growth:
        assert send(victim, path, BOMBS[encoding], encoding) in {400, 413}
    assert growth.bytes < 32 * MIB


SMALL = {
    "samples": ("/metrics/job/a", b"a 1\n"),
    "families": ("/metrics/job/a", b"# TYPE a counter\n"),
    "labels": ("/metrics/job/a", b'a{b="c"} 1\n'),
    "numbers": ("/v1/push/metrics", b"1 "),
    "objects": ("/v1/push/metrics", b"{}"),
    "metrics": ("/v1/push/metrics", b'{"name":"a","value":1}'),
    "records": ("/v1/push/logs", b"{}\n"),
    "faulty lines": ("/v1/push/logs", b"x\n"),
    "lists": ("/open", b"[" * 1000 + b"]" * 1000),
    "points": ("/write", b"a a=1\n"),
    "lines without fields": ("/write", b"a\n"),
    "comments": ("/write", b"#\n"),
}
"""What there is very much of in one body."""


@pytest.mark.parametrize("what", SMALL)
def test_what_is_small_takes_at_most_thirty_times_its_size(victim: Pushed, what: str) -> None:
    path, piece = SMALL[what]
    body = piece * ((LIMIT - 64) // len(piece))
    begin = time.monotonic()
    with peak_memory(victim.pid) as growth:
        send(victim, path, body)
    assert growth.bytes < 30 * LIMIT
    assert time.monotonic() - begin < 10
    assert victim.is_alive


def test_groups_are_bounded(victim: Pushed) -> None:
    statuses = [send(victim, f"/metrics/job/{number}", b"a 1\n") for number in range(120)]
    assert set(statuses) == {200, 503}
    for number in range(120):
        assert send(victim, f"/metrics/job/{number}", b"", method="DELETE") == 202
    assert send(victim, "/metrics/job/again", b"a 1\n") == 200
