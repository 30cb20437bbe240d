"""Hostile answers by gRPC."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from hpack import Encoder
from hyperframe.frame import ContinuationFrame, HeadersFrame, PingFrame

from tests.faults.hostile_back_ends import MIB, Peer
from tests.faults.hostile_http import BOMB, MANY_ZEROS

if TYPE_CHECKING:
    from tests.faults.hostile_back_ends import Answer

HEAD = ((":status", "200"), ("content-type", "application/grpc"))


async def accept_grpc(peer: Peer, stream: int) -> None:
    await peer.headers(stream, *HEAD)
    await peer.data(stream, message(b""))
    await peer.headers(stream, ("grpc-status", "0"), end=True)


def message(content: bytes, *, compressed: bool = False, size: int | None = None) -> bytes:
    return struct.pack(">BI", compressed, len(content) if size is None else size) + content


def replying(
    *pieces: bytes, endless: bytes = b"", head: tuple[tuple[str, str], ...] = HEAD
) -> Answer:
    """Send a head, these, and then one thing without end."""

    async def answer(peer: Peer, stream: int) -> None:
        await peer.headers(stream, *head)
        for piece in pieces:
            await peer.data(stream, piece)
        while endless:
            await peer.data(stream, endless)
        await peer.headers(stream, ("grpc-status", "0"), end=True)

    return answer


def ending(*trailers: tuple[str, str]) -> Answer:
    """Send nothing but a head, in one frame and as many continuations as it takes."""

    async def answer(peer: Peer, stream: int) -> None:
        block = encoded(*HEAD, *trailers)
        parts = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
        frames = [continuation(stream, part, last=False) for part in parts[1:]]
        last = continuation(stream, b"", last=True)
        await peer.write(b"".join((head_frame(stream, parts[0], end=True), *frames, last)))

    return answer


def encoded(*headers: tuple[str, str]) -> bytes:
    """Headers as HPACK has them, none of which changes the tables of the connection."""
    return Encoder().encode([(name, value, True) for name, value in headers], huffman=False)


def head_frame(stream: int, block: bytes, *, end: bool) -> bytes:
    frame = HeadersFrame(stream, block)
    if end:
        frame.flags.add("END_STREAM")
    return frame.serialize()


def continuation(stream: int, block: bytes, *, last: bool) -> bytes:
    frame = ContinuationFrame(stream, block)
    if last:
        frame.flags.add("END_HEADERS")
    return frame.serialize()


async def endless_head(peer: Peer, stream: int) -> None:
    await peer.write(head_frame(stream, encoded(*HEAD), end=False))
    await peer.repeat(continuation(stream, encoded(("x-header", "value")) * 500, last=False))


async def endless_pings(peer: Peer, _: int) -> None:
    await peer.repeat(PingFrame(0, b"12345678").serialize() * 100)


async def slow_message(peer: Peer, stream: int) -> None:
    await peer.headers(stream, *HEAD)
    while True:
        await peer.data(stream, b"\0")
        await asyncio.sleep(0.01)


async def silence(_: Peer, __: int) -> None:
    """Say nothing."""


GZIP = (*HEAD, ("grpc-encoding", "gzip"))
FAILED = ("grpc-status", "14")

ENDLESS_GRPC_ANSWERS: dict[str, Answer] = {
    "messages": replying(endless=message(bytes(MIB))),
    "empty messages": replying(endless=message(b"") * 10_000),
    "pings": endless_pings,
}
"""What only the time-out ends: nothing of it is kept."""

GRPC_ANSWERS: dict[str, Answer] = {
    "10 GiB as one message": replying(message(b"", size=(1 << 32) - 1), endless=MANY_ZEROS),
    "a message of 5 MiB": replying(message(bytes(5 * MIB))),
    "a gzip bomb": replying(message(BOMB, compressed=True), head=GZIP),
    "an unknown compression": replying(message(b"x", compressed=True)),
    "a head without end": endless_head,
    "a trailer of 1 MiB": ending(FAILED, ("grpc-message", "x" * MIB)),
    "a thousand trailers of 1 KiB": ending(FAILED, *[("x-trailer", "x" * 1024)] * 1000),
    "a message that forges a line": ending(FAILED, ("grpc-message", "a%0Ab%1B[2J")),
    "details without bottom": ending(FAILED, ("grpc-status-details-bin", "CwsLCws" * 500)),
    "a status that does not exist": ending(("grpc-status", "99")),
    "a status that is no number": ending(("grpc-status", "x" * 1000)),
    "a slow message": slow_message,
    "silence": silence,
    "a message without bottom": replying(message(b"\x0b" * MIB)),
    "a redirect": ending((":status", "307"), ("location", "/elsewhere")),
}
