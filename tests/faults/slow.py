"""Peers that take their time: connections that say nothing, and some that say a byte at a time."""

from __future__ import annotations

import itertools
import resource
import socket
import ssl
import time
from contextlib import suppress

from hyperframe.frame import DataFrame, HeadersFrame

from tests.faults.floods import HEAD, PREFACE, head
from tests.receivers.clients import PROTOBUF
from tests.receivers.raw_http2 import framed

BODY_BEGUN = (
    f"POST /v1/traces HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 100000\r\n\r\n"
).encode()

PERIOD = 10
"""Seconds from a byte of a connection to its next one."""

ARRIVING = 2_000
"""Connections made in a second at most: they are slow, and no flood."""

ENCRYPTED_ARRIVING = 400
"""The same by TLS, whose handshakes take the attackers' core most of their time."""

TICKS = 20
"""How often a second some of them say theirs."""

IDLE = {
    "said nothing": b"",
    "HTTP/2 without a request": PREFACE,
    "HTTP/2 after a request": PREFACE + head(1, HEAD, "END_STREAM"),
    "HTTP/1 after a request": b"GET / HTTP/1.1\r\n\r\n",
}
"""What connections have said before they fell silent."""

DRIBBLING = {
    "the preface": (b"", PREFACE),
    "a head": (b"POST /v1/traces HTTP/1.1\r\nX-More: ", b"x" * 1000),
    "a body": (BODY_BEGUN, b"x" * 1000),
    "an HTTP/2 head": (PREFACE, HeadersFrame(1, HEAD + b"\0" * 100).serialize()),
    "an HTTP/2 body": (
        PREFACE + head(1) + DataFrame(1, framed(b"", length=100_000)).serialize(),
        DataFrame(1, bytes(1000)).serialize(),
    ),
}
"""What connections have said, and what they go on with a byte at a time, by their phase."""


def allow_connections(count: int) -> None:
    """Let this process have so many; raises `ValueError` where the system does not."""
    wanted = count + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Crowd:
    """Connections that are open; those that dribble do so when told."""

    def __init__(self, port: int, idle: int, dribbling: int, *, tls: bool) -> None:
        self._port = port
        self._made = 0
        self._tls = _unverified() if tls else None
        self._at_once = (ENCRYPTED_ARRIVING if tls else ARRIVING) // TICKS
        sayings = itertools.cycle(IDLE.values())
        self._idle = [self._connect(next(sayings)) for _ in range(idle)]
        phases = itertools.cycle(DRIBBLING.values())
        self._dribbling = [
            (self._connect(opening), rest) for opening, rest in itertools.islice(phases, dribbling)
        ]
        self._turns = 0

    def dribble(self) -> None:
        """Say a byte more on some of the connections that do so, on others the next time."""
        said, turn = divmod(self._turns, PERIOD * TICKS)
        for connection, rest in self._dribbling[turn :: PERIOD * TICKS]:
            with suppress(OSError):  # the server has had enough
                connection.send(rest[said : said + 1])
        self._turns += 1

    def close(self) -> None:
        """Leave."""
        for connection in (*self._idle, *(connection for connection, _ in self._dribbling)):
            connection.close()

    def _connect(self, opening: bytes) -> socket.socket:
        self._made += 1
        if self._made % self._at_once == 0:
            time.sleep(1 / TICKS)
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        if self._tls:
            connection = self._tls.wrap_socket(connection)
        connection.sendall(opening)
        connection.setblocking(False)
        return connection


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def besiege(port: int, idle: int, dribbling: int, seconds: float, *, tls: bool = False) -> None:
    """Keep connections open for so long after the last was made, and dribble."""
    allow_connections(idle + dribbling)
    crowd = Crowd(port, idle, dribbling, tls=tls)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        crowd.dribble()
        time.sleep(min(left, 1 / TICKS))
    crowd.close()
