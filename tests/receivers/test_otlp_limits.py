"""Nothing larger than its limit is taken, however it is sent; what fits the limit is."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from typing import TYPE_CHECKING

import grpc
import pytest
from h2.errors import ErrorCodes

from penstock._kernel import Terms
from penstock.pipeline import Batch, Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import spans
from tests.receivers.clients import connect, post, read_response, send_grpc, send_http
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, framed
from tests.receivers.serving import MIB, Server, eventually, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 64 * 1024
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


def spans_of(size: int) -> Batch:
    """A span whose encoding is `size` bytes."""
    overhead = spans(1, "x" * LIMIT).nbytes - LIMIT
    return spans(1, "x" * (size - overhead))


FITTING, OVER = spans_of(LIMIT), spans_of(LIMIT + 1)


@pytest.fixture
def small() -> Iterator[Server]:
    """A server that takes 64 KiB."""
    with serving(max_grpc_bytes=LIMIT, max_http_bytes=LIMIT) as server:
        yield server


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
def test_a_message_of_exactly_the_limit_is_taken(
    small: Server, compression: grpc.Compression | None
) -> None:
    assert FITTING.nbytes == LIMIT
    assert send_grpc(small, FITTING, compression).code is grpc.StatusCode.OK


def test_a_body_of_exactly_the_limit_is_taken(small: Server) -> None:
    assert send_http(small, FITTING).status == 200


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
def test_a_larger_message_is_refused_for_good(
    small: Server, compression: grpc.Compression | None
) -> None:
    answer = send_grpc(small, OVER, compression)
    assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert answer.status is None, "a retry time would ask for it again"
    assert str(LIMIT) in answer.message
    assert small.counted("too_large") == 1


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (OVER.to_otlp(), "identity"),
        ([OVER.to_otlp()[:LIMIT], OVER.to_otlp()[LIMIT:]], "identity"),
        (gzip.compress(OVER.to_otlp()), "gzip"),
    ],
    ids=["with its length", "in chunks", "compressed"],
)
def test_a_larger_body_is_refused_for_good(
    small: Server, body: bytes | list[bytes], encoding: str
) -> None:
    answer = post(small.port, "/v1/traces", body, {"Content-Encoding": encoding})
    assert answer.status == 413
    assert answer.error.code == RESOURCE_EXHAUSTED
    assert str(LIMIT) in answer.error.message
    assert "retry-after" not in answer.headers
    assert small.counted("too_large") == 1


def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(small: Server) -> None:
    with connect(small.port) as connection:
        head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\n"
        connection.sendall(f"{head}Content-Length: {1 << 40}\r\n\r\n".encode())
        assert read_response(connection).status == 413


def test_a_message_that_is_announced_too_large_is_refused_before_it_is_sent(
    small: Server,
) -> None:
    with H2Sender(small.port) as sender:
        stream = sender.open(GRPC_METHODS[Signal.TRACES], *GRPC_HEAD)
        sender.push(stream, framed(b"", length=0xFFFF_FFFF))
        assert sender.wait(stream).grpc_code == RESOURCE_EXHAUSTED


@pytest.mark.parametrize("mib", [1, 8])
def test_a_sender_far_over_the_limit_reads_its_answer(small: Server, mib: int) -> None:
    """A connection that was reset while it still sends would hide the answer from it."""
    body = bytes(mib * MIB)
    assert post(small.port, "/v1/traces", body).status == 413
    assert post(small.port, "/v1/traces", iter([body])).status == 413
    answer = send_grpc(small, spans_of(mib * MIB))
    assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_connection_serves_others_while_one_of_its_requests_is_too_large(
    small: Server,
) -> None:
    with H2Sender(small.port) as sender:
        large = sender.open(GRPC_METHODS[Signal.TRACES], *GRPC_HEAD)
        sender.push(large, framed(bytes(LIMIT), length=LIMIT + 1))
        assert sender.grpc(Signal.TRACES, framed(FITTING.to_otlp())).grpc_code == 0
        assert sender.streams[large].grpc_code == RESOURCE_EXHAUSTED
    small.tell(1)


def test_requests_beyond_those_that_may_be_open_are_refused_and_counted() -> None:
    terms = Terms(max_concurrent_streams=2)
    with serving(terms=terms) as server, H2Sender(server.port) as sender:
        calls = [sender.open(GRPC_METHODS[Signal.TRACES], *GRPC_HEAD) for _ in range(3)]
        assert sender.wait(calls[2]).reset == ErrorCodes.REFUSED_STREAM
        assert server.counted("refused_stream") == 1
        sender.push(calls[0], framed(b""), end=True)
        assert sender.wait(calls[0]).grpc_code == 0


LONG = [(f"x-{number}", "y" * 8000) for number in range(9)]


def test_headers_over_their_limit_are_refused_and_counted(server: Server) -> None:
    with H2Sender(server.port) as sender:
        call = sender.grpc(Signal.TRACES, framed(b""), *LONG)
        assert call.grpc_code == RESOURCE_EXHAUSTED
        assert sender.grpc(Signal.TRACES, framed(b"")).grpc_code == 0
    assert server.counted("header_too_large") == 1
    assert post(server.port, "/v1/traces", b"", dict(LONG)).status == 431
    eventually(lambda: server.ended("header_too_large") == 1)


def test_halves_of_heads_count_against_what_may_wait() -> None:
    """And no longer when their connections are gone."""
    half = b"POST /v1/traces HTTP/1.1\r\nX: " + bytes(60_000).replace(b"\0", b"x")
    with serving(max_waiting_bytes=150_000) as server:
        with ExitStack() as halves:
            for _ in range(3):
                halves.enter_context(connect(server.port)).sendall(half)
            eventually(lambda: send_http(server, spans(1)).status == 503)
            assert server.counted("overloaded") > 0
        eventually(lambda: send_http(server, spans(1)).status == 200)
