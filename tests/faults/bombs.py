"""Small requests that ask for much: bombs for every way in and every encoding that it takes."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import zstandard

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import spans
from tests.receivers.clients import JSON, PROTOBUF, post
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, framed
from tests.receivers.test_otlp_compression import BOMBS, zstd_frame
from tests.receivers.test_otlp_malformed import enclosed, nested
from tests.receivers.watching import peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.victim import Stand, Victim

GOOD = spans(1).to_otlp()

CPU_LIMIT = 0.05
"""Seconds of CPU time that a bomb may cost."""

REFUSALS = {3, 8, 12, *range(400, 500)}
"""gRPC codes (invalid argument, resource exhausted, unimplemented) and HTTP statuses that tell a
sender never to send this again."""

Answer = int
"""A gRPC code or an HTTP status."""


def over_grpc(victim: Victim, body: bytes, encoding: str) -> Answer:
    """Send a message; its gRPC code."""
    with H2Sender(victim.ports.grpc) as sender:
        message = framed(body, compressed=encoding != "identity")
        stream = sender.open(GRPC_METHODS[Signal.TRACES], *GRPC_HEAD, ("grpc-encoding", encoding))
        sender.push(stream, message, end=True)
        return sender.wait(stream).grpc_code


def over_http(content_type: str) -> Callable[[Victim, bytes, str], Answer]:
    """How a body of that type is sent; gives the HTTP status."""

    def send(victim: Victim, body: bytes, encoding: str) -> Answer:
        head = {"Content-Type": content_type}
        if encoding != "identity":
            head["Content-Encoding"] = encoding
        return post(victim.ports.http, "/v1/traces", body, head).status

    return send


WAYS: dict[str, Callable[[Victim, bytes, str], Answer]] = {
    "otlp grpc": over_grpc,
    "otlp http protobuf": over_http(PROTOBUF),
    "otlp http json": over_http(JSON),
}
"""Every way into a receiver: a new one is a line here."""


def encodings(victim: Victim) -> list[str]:
    """What the receiver says it takes, so that no new encoding is forgotten."""
    answer = post(victim.ports.http, "/v1/traces", b"", {"Content-Encoding": "none of them"})
    return answer.headers["accept-encoding"].split(", ")


def stored(data: bytes) -> bytes:
    """A block of a zstd frame that holds `data` as it is, and ends the frame."""
    return (1 | len(data) << 3).to_bytes(3, "little") + data


def zstd_bombs() -> dict[str, bytes]:
    """Windows that nobody may ask for, and frames that lead nowhere."""
    windows = {f"window of 2^{log}": zstd_frame(1 << log) + stored(GOOD) for log in range(24, 32)}
    unknown_dictionary = b"\x28\xb5\x2f\xfd\x01\x50\x07" + stored(GOOD)
    return {
        **windows,
        "unknown dictionary": unknown_dictionary,
        "skipped without end": b"\x50\x2a\x4d\x18\xff\xff\xff\xff" + bytes(1000),
        "skipped again and again": b"\x50\x2a\x4d\x18\0\0\0\0" * 100_000 + b"\0",
        "twice": zstandard.compress(zstandard.compress(GOOD)) + b"\0",
    }


COMPRESSED: dict[str, dict[str, bytes]] = {
    "gzip": {
        "1 GiB": BOMBS["gzip"],
        "1 GiB in members": BOMBS["gzip members"],
        "a forged size": gzip.compress(GOOD)[:-4] + struct.pack("<I", 0xFFFF_FFFF),
        "twice": gzip.compress(gzip.compress(bytes(1000))),
        "members without content": gzip.compress(b"") * 100_000 + b"\0",
    },
    "deflate": {"1 GiB": BOMBS["deflate"], "twice": zlib.compress(zlib.compress(bytes(1000)))},
    "zstd": {"1 GiB": BOMBS["zstd"], "1 GiB in frames": BOMBS["zstd frames"], **zstd_bombs()},
}
"""Bombs by encoding: one that a receiver takes and that has none here fails the program."""

MALFORMED_PROTOBUF = {
    "values nested 10,000 deep": nested(10_000),
    "values nested 500,000 deep": nested(500_000),
    "groups nested 1,000,000 deep": b"\x9b\x06" * 1_000_000,
    "a length beyond the end": b"\x0a\xff\xff\xff\xff\x07",
    "an endless number": b"\x08" + b"\xff" * 1_000_000,
    "field 0": b"\x00\x00",
    "wire type 7": b"\x0f",
    "four million numbers": b"\x08\x01" * 2_000_000 + b"\x0f",
}
MALFORMED_JSON = {
    "nested 1,000,000 deep": b"[" * 1_000_000,
    "objects nested 500,000 deep": b'{"x":' * 500_000,
    "values nested 100,000 deep": b'{"resourceSpans":[{"resource":{"attributes":[{"value":'
    + b'{"arrayValue":{"values":[' * 100_000,
    "a number without end": b'{"resourceSpans":' + b"9" * 1_000_000,
    "a string without end": b'{"' + b"\\u0000" * 500_000,
    "a million keys": b"{" + b'"resourceSpans":[],' * 200_000,
}
MALFORMED = {
    "otlp grpc": MALFORMED_PROTOBUF,
    "otlp http protobuf": MALFORMED_PROTOBUF,
    "otlp http json": MALFORMED_JSON,
}


@dataclass(frozen=True)
class Bomb:
    """A request that must be refused."""

    way: str
    encoding: str
    name: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.way}, {self.encoding}: {self.name}"


def bombs(accepted: list[str]) -> Iterator[Bomb]:
    """Every bomb, for each way and each of the `accepted` encodings; raises for a missing one."""
    for way, malformed in MALFORMED.items():
        for encoding in accepted:
            found = malformed if encoding == "identity" else COMPRESSED[encoding]
            yield from (Bomb(way, encoding, name, body) for name, body in found.items())
        for encoding in ("gzip, gzip", "snappy", "br"):
            yield Bomb(way, encoding, "an encoding that is not taken", GOOD)


@dataclass
class Blast:
    """What bombs have done."""

    thrown: int = 0
    dearest: float = 0.0
    """Seconds of CPU time of the one that took most."""
    largest: int = 0
    """Bytes by which the process grew for the one that took most."""
    taken: list[str] = field(default_factory=list)
    """Those that were not refused."""


def throw_all(stand: Stand) -> Blast:
    """Throw every bomb once."""
    blast, victim = Blast(), stand.victim
    for bomb in bombs(encodings(victim)):
        before = victim.cpu_seconds()
        with peak_memory(victim.pid) as growth:
            answer = WAYS[bomb.way](victim, bomb.body, bomb.encoding)
        blast.thrown += 1
        blast.largest = max(blast.largest, growth.bytes)
        blast.dearest = max(blast.dearest, victim.cpu_seconds() - before)
        if answer not in REFUSALS:
            blast.taken.append(f"{bomb}: {answer}")
    return blast


def empty_items(size: int) -> dict[str, bytes]:
    """Requests of about `size` bytes that hold as many items as possible, each of two bytes."""
    many = b"\x12\x00" * (size // 2)
    event, link = b"\x5a\x00" * (size // 2), b"\x6a\x00" * (size // 2)
    return {
        "spans": enclosed(many, [b"\x12", b"\x0a"]),
        "scopes": enclosed(many, [b"\x0a"]),
        "resources": b"\x0a\x00" * (size // 2),
        "events": enclosed(event, [b"\x12", b"\x12", b"\x0a"]),
        "links": enclosed(link, [b"\x12", b"\x12", b"\x0a"]),
        "attributes": enclosed(b"\x4a\x00" * (size // 2), [b"\x12", b"\x12", b"\x0a"]),
    }
