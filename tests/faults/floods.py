"""Floods of HTTP/2: what a peer may send without end, and what became of the connection."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from h2.errors import ErrorCodes
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.receivers.raw_http2 import GRPC_HEAD, framed

if TYPE_CHECKING:
    from collections.abc import Callable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()

STREAMS = 2_000
"""Requests of a flood: many more than a connection may have open at a time."""

OPEN_STREAMS = 90
"""Requests that are made and then left alone: fewer than a connection may have open."""

PIECE = 64 * 1024
"""Bytes of frames that are sent again and again."""


def encoded(*headers: tuple[str, str]) -> bytes:
    """A head that refers to nothing that was sent before."""
    return bytes(Encoder().encode(headers, huffman=False))


_REQUEST = [(":method", "POST"), (":scheme", "http"), (":authority", "x")]
HEAD = encoded(*_REQUEST, (":path", GRPC_METHODS[Signal.TRACES]), *GRPC_HEAD)
UPPERCASE_HEAD = HEAD + encoded(("X-Bad", "x"))
"""A head that no server may take."""


@dataclass(frozen=True)
class Flood:
    """Bytes to open a connection with, and bytes that follow for as long as it lasts."""

    opening: bytes
    rest: bytes
    reads: bool = True
    """Whether it listens to what the server says."""


def head(stream: int, block: bytes = HEAD, *flags: str) -> bytes:
    """The frame that begins a request."""
    return HeadersFrame(stream, block, flags=["END_HEADERS", *flags]).serialize()


def requests(after: Callable[[int], bytes], block: bytes = HEAD, *flags: str) -> Flood:
    """Request after request, each with something behind its head."""
    streams = range(1, 2 * STREAMS, 2)
    return Flood(b"", b"".join(head(stream, block, *flags) + after(stream) for stream in streams))


def repeated(frame: bytes, opening: bytes = b"", *, reads: bool = True) -> Flood:
    """One frame for ever."""
    return Flood(opening, frame * max(1, PIECE // len(frame)), reads)


def bad_window(stream: int) -> bytes:
    """A window that grows by nothing, which the library would not write."""
    return b"\0\0\4\x08\0" + stream.to_bytes(4, "big") + bytes(4)


def indexed_bomb() -> bytes:
    """Heads of single bytes, each of which stands for 4 KB that were sent once."""
    encoder = Encoder()
    once = encoder.encode([("x", "y" * 4000)], huffman=False)
    again = encoder.encode([("x", "y" * 4000)], huffman=False)
    return HEAD + bytes(once) + bytes(again) * 12_000


def empty_fields() -> bytes:
    """A hundred thousand headers without a name or a value."""
    return HEAD + b"\0\0\0" * 100_000


def continued(block: bytes) -> Flood:
    """A head in frames of 16 KiB."""
    first, rest = block[:16384], block[16384:]
    parts = [rest[at : at + 16384] for at in range(0, len(rest), 16384)] or [b""]
    frames = [ContinuationFrame(1, part) for part in parts]
    frames[-1].flags.add("END_HEADERS")
    whole = HeadersFrame(1, first).serialize() + b"".join(frame.serialize() for frame in frames)
    return Flood(whole, PingFrame(0, bytes(8)).serialize())


def stalled_answers() -> Flood:
    """Requests whose answers have no room to be sent: the window is 0."""
    no_window = SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}).serialize()
    body = DataFrame(1, bytes(5), flags=["END_STREAM"])
    calls = bytearray(no_window)
    for stream in range(1, 2 * OPEN_STREAMS, 2):
        body.stream_id = stream
        calls += head(stream) + body.serialize()
    return Flood(bytes(calls), PingFrame(0, bytes(8)).serialize())


def reset(stream: int) -> bytes:
    """The end of a request by its sender."""
    return RstStreamFrame(stream, int(ErrorCodes.CANCEL)).serialize()


def late_data(stream: int) -> bytes:
    """Data behind the end of a request's body."""
    return DataFrame(stream, b"late").serialize()


def itself(stream: int) -> bytes:
    """A stream that depends on itself."""
    return PriorityFrame(stream, depends_on=stream).serialize()


CALL = head(1)
LONG_CALL = CALL + DataFrame(1, framed(b"", length=1024 * 1024)).serialize()
BEGUN = HeadersFrame(1, HEAD).serialize()
"""A head that is to be continued."""
MORE_FIELDS = encoded(("x-more", "x" * 1000))

FLOODS: dict[str, Flood] = {
    "rapid reset": requests(reset),
    "resets by the server: window": requests(bad_window),
    "resets by the server: late data": requests(late_data, HEAD, "END_STREAM"),
    "resets by the server: dependency": requests(itself),
    "malformed heads": requests(lambda _: b"", UPPERCASE_HEAD, "END_STREAM"),
    "endless head": repeated(ContinuationFrame(1, MORE_FIELDS).serialize(), BEGUN),
    "empty continuations": repeated(ContinuationFrame(1, b"").serialize(), BEGUN),
    "indexed headers": continued(indexed_bomb()),
    "empty headers": continued(empty_fields()),
    "empty data": repeated(DataFrame(1, b"").serialize(), CALL),
    "dribbled data": repeated(DataFrame(1, b"\0").serialize(), LONG_CALL),
    "pings": repeated(PingFrame(0, b"12345678").serialize()),
    "pings without listening": repeated(PingFrame(0, b"12345678").serialize(), reads=False),
    "settings": repeated(SettingsFrame(0, {1: 4096}).serialize()),
    "priorities": repeated(PriorityFrame(3, depends_on=1).serialize()),
    "window updates": repeated(WindowUpdateFrame(0, window_increment=1).serialize()),
    "unknown frames": repeated(b"\0\0\x08\xfa\0\0\0\0\0" + bytes(8)),
    "unfinished calls": requests(lambda _: b""),
    "no room for answers": stalled_answers(),
}


PATIENT = {"no room for answers"}
"""Floods that are no more than what an ordinary client with much to do does, but for their length:
deadlines end them."""

OPEN = "open"
"""The ending of a connection that outlived the flood."""


def flood(port: int, name: str, seconds: float, connections: int) -> Counter[str]:
    """Send a flood over several connections at a time, anew where one ends; how they ended."""
    frames = FLOODS[name]
    deadline = time.monotonic() + seconds
    endings: Counter[str] = Counter()
    with selectors.DefaultSelector() as selector:
        attackers = {Attacker(port, frames, selector) for _ in range(connections)}
        while time.monotonic() < deadline:
            for key, events in selector.select(0.05):
                attacker: Attacker = key.data
                if ending := attacker.step(events):
                    endings[ending] += 1
                    attackers.remove(attacker)
                    attackers.add(Attacker(port, frames, selector))
        for attacker in attackers:
            endings[attacker.close() or OPEN] += 1
    return endings


class Attacker:
    """One connection of a flood."""

    def __init__(self, port: int, frames: Flood, selector: selectors.BaseSelector) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setblocking(False)
        self._selector = selector
        self._frames = frames
        self._unsent = memoryview(PREFACE + frames.opening)
        self._heard = b""
        listening = selectors.EVENT_READ if frames.reads else 0
        selector.register(self._socket, selectors.EVENT_WRITE | listening, self)

    def step(self, events: int) -> str | None:
        """Send and hear what is possible; how the connection ended, once it has."""
        try:
            if events & selectors.EVENT_READ and not self._hear():
                return self.close() or "closed"
            if events & selectors.EVENT_WRITE:
                self._send()
        except (BrokenPipeError, ConnectionResetError):
            return self.close() or "reset"
        return None

    def close(self) -> str | None:
        """Leave; what the server said last, if that was an error."""
        self._selector.unregister(self._socket)
        self._socket.close()
        last_words = GOAWAY.search(self._heard)
        return ErrorCodes(int.from_bytes(last_words[1], "big")).name if last_words else None

    def _hear(self) -> bool:
        heard = self._socket.recv(PIECE)
        self._heard = (self._heard + heard)[-LAST_WORDS:]
        return bool(heard)

    def _send(self) -> None:
        if not self._unsent:
            self._unsent = memoryview(self._frames.rest)
        self._unsent = self._unsent[self._socket.send(self._unsent[:PIECE]) :]


GOAWAY = re.compile(rb"\x07\0\0\0\0\0[\0-\xff]{4}(\0\0\0[\0-\x0f])")
LAST_WORDS = 512
"""Bytes at the end of what a server says in which its GOAWAY is looked for."""
