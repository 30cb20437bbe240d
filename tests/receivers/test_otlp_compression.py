"""Every compression is undone, within limits, and what is broken is refused alone."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import TYPE_CHECKING

import grpc
import pytest
import zstandard

from penstock.pipeline import Signal
from tests.kit import spans
from tests.receivers.clients import PROTOBUF, post, send_grpc
from tests.receivers.raw_http2 import H2Sender, framed
from tests.receivers.serving import MIB, Server, serving
from tests.receivers.watching import peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1024 * MIB

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT.value[0]
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED.value[0]

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "deflate": zlib.compress,
}
ENCODINGS = [*COMPRESS]
COMPRESSIONS = [name for name in COMPRESS if name != "identity"]

ONE = spans(1).to_otlp()
MANY = spans(200).to_otlp()


def post_encoded(server: Server, encoding: str, body: bytes) -> int:
    """The HTTP status for a body that claims to be of `encoding`."""
    return post(server.port, "/v1/traces", body, {"Content-Encoding": encoding}).status


def call_encoded(server: Server, encoding: str, message: bytes) -> int:
    """The gRPC status for a compressed message."""
    with H2Sender(server.port) as sender:
        data = framed(message, compressed=True)
        return sender.grpc(Signal.TRACES, data, ("grpc-encoding", encoding)).grpc_code


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_of_each_encoding_is_taken(server: Server, encoding: str) -> None:
    assert post_encoded(server, encoding, COMPRESS[encoding](MANY)) == 200
    server.tell(200)
    assert server.accepted[0].to_otlp() == MANY


@pytest.mark.parametrize("encoding", COMPRESSIONS)
def test_a_grpc_message_of_each_encoding_is_taken(server: Server, encoding: str) -> None:
    assert call_encoded(server, encoding, COMPRESS[encoding](MANY)) == 0
    server.tell(200)
    assert server.accepted[0].to_otlp() == MANY


def test_grpcio_compresses_with_gzip(server: Server) -> None:
    assert send_grpc(server, spans(200), grpc.Compression.Gzip).code is grpc.StatusCode.OK


def test_a_grpc_message_may_be_plain_although_an_encoding_is_named(server: Server) -> None:
    with H2Sender(server.port) as sender:
        assert sender.grpc(Signal.TRACES, framed(ONE), ("grpc-encoding", "gzip")).grpc_code == 0
    server.tell(1)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(MANY[:1000]) + gzip.compress(MANY[1000:])),
        ("zstd", zstandard.compress(MANY[:1000]) + zstandard.compress(MANY[1000:])),
        ("zstd", b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstandard.compress(MANY)),
        ("zstd", zstandard.ZstdCompressor(write_content_size=False).compress(MANY)),
        ("deflate", zlib.compress(MANY, 0)),
    ],
    ids=["gzip members", "zstd frames", "skippable frame", "no size", "stored"],
)
def test_unusual_forms_of_an_encoding_are_taken(server: Server, encoding: str, body: bytes) -> None:
    assert post_encoded(server, encoding, body) == 200
    server.tell(200)
    assert server.accepted[0].to_otlp() == MANY


@pytest.mark.parametrize("encoding", ["br", "snappy", "gzip, gzip", "gzip,identity", "\xff"])
def test_an_unknown_encoding_is_refused_with_the_known_ones(server: Server, encoding: str) -> None:
    answer = post(server.port, "/v1/traces", ONE, {"Content-Encoding": encoding})
    assert answer.status == 415
    assert answer.headers["accept-encoding"] == "gzip, zstd, deflate, identity"
    assert answer.error.code == UNIMPLEMENTED
    assert server.counted("unsupported_encoding") == 1


def test_an_unknown_encoding_of_a_grpc_call_is_refused_with_the_known_ones(
    server: Server,
) -> None:
    with H2Sender(server.port) as sender:
        data = framed(ONE, compressed=True)
        answer = sender.grpc(Signal.TRACES, data, ("grpc-encoding", "snappy"))
    assert answer.grpc_code == UNIMPLEMENTED
    assert answer.headers["grpc-accept-encoding"] == "gzip, zstd, deflate, identity"


def test_two_headers_that_name_an_encoding_are_refused(server: Server) -> None:
    twice = [("content-encoding", "gzip")] * 2
    with H2Sender(server.port) as sender:
        body = gzip.compress(gzip.compress(ONE))
        answer = sender.request("/v1/traces", body, ("content-type", PROTOBUF), *twice)
    assert answer.headers[":status"] == "415"


def flipped(body: bytes) -> bytes:
    """`body` with its middle byte inverted."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda body: body[: len(body) // 2],
    "last byte missing": lambda body: body[:-1],
    "a byte inverted": flipped,
    "garbage behind": lambda body: body + b"garbage",
    "not compressed": lambda _: MANY,
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("encoding", COMPRESSIONS)
def test_a_broken_body_is_refused_for_good(server: Server, encoding: str, damage: str) -> None:
    body = DAMAGES[damage](COMPRESS[encoding](MANY))
    answer = post(server.port, "/v1/traces", body, {"Content-Encoding": encoding})
    assert answer.status == 400
    assert answer.error.code == INVALID_ARGUMENT
    assert answer.error.message == f"the body is not valid {encoding}"
    assert call_encoded(server, encoding, body) == INVALID_ARGUMENT
    assert server.counted("bad_compression") == 2


def test_a_forged_gzip_size_costs_nothing_and_is_refused(server: Server) -> None:
    body = gzip.compress(ONE)[:-4] + struct.pack("<I", 0xFFFF_FFFF)
    with peak_memory() as growth:
        assert post_encoded(server, "gzip", body) == 400
    assert growth.bytes < 8 * MIB


def gzip_bomb() -> bytes:
    """One member that expands to 1 GiB of zeros."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + deflate_bomb()[2:]


def deflate_bomb() -> bytes:
    """1 GiB of zeros: a full flush makes each stretch of 16 MiB the same bytes."""
    compressor = zlib.compressobj(wbits=-15)
    stretch = compressor.compress(bytes(16 * MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\x9c" + stretch * 64


def zstd_bomb() -> bytes:
    """1 GiB of zeros in run-length blocks of 128 KiB."""
    block = (128 * 1024 << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    return zstd_frame(MIB) + block * 8192


def zstd_frame(window: int) -> bytes:
    """The start of a zstd frame that declares a window of a power of two bytes."""
    return b"\x28\xb5\x2f\xfd\0" + bytes([window.bit_length() - 1 - 10 << 3])


BOMBS = {
    "gzip": gzip_bomb(),
    "gzip members": gzip.compress(bytes(16 * MIB)) * 64,
    "deflate": deflate_bomb(),
    "zstd": zstd_bomb(),
    "zstd frames": zstandard.compress(bytes(16 * MIB)) * 64,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_of_one_gib_is_refused_before_it_takes_more_than_the_limit(bomb: str) -> None:
    encoding = bomb.split(maxsplit=1)[0]
    serving_ = serving(max_http_bytes=4 * MIB, max_grpc_bytes=4 * MIB)
    with serving_ as server, peak_memory() as growth:
        assert post_encoded(server, encoding, BOMBS[bomb]) == 413
        assert call_encoded(server, encoding, BOMBS[bomb]) == RESOURCE_EXHAUSTED
    assert growth.bytes < 32 * MIB


@pytest.mark.parametrize("log", range(10, 32))
def test_a_zstd_window_over_8_mib_is_refused_at_the_header(server: Server, log: int) -> None:
    body = zstd_frame(1 << log) + (1 | len(ONE) << 3).to_bytes(3, "little") + ONE
    with peak_memory() as growth:
        status = post_encoded(server, "zstd", body)
    if log <= 23:
        server.tell(1)
    assert status == (200 if log <= 23 else 400)
    assert growth.bytes < 32 * MIB
