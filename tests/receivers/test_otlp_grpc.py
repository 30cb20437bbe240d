"""gRPC's framing is followed to the letter, and what breaks it breaks one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import spans
from tests.receivers.clients import GrpcSender
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, framed

if TYPE_CHECKING:
    from tests.receivers.serving import Server

MESSAGE = spans(1).to_otlp()
TRACES = GRPC_METHODS[Signal.TRACES]
INTERNAL = grpc.StatusCode.INTERNAL.value[0]
UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED.value[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the call ended before its message did"),
        (framed(MESSAGE)[:3], "the call ended before its message did"),
        (framed(MESSAGE)[:-1], "the call ended before its message did"),
        (framed(MESSAGE, length=len(MESSAGE) + 1), "the call ended before its message did"),
        (framed(MESSAGE) * 2, "more than one message in a unary call"),
        (framed(b"") * 2, "more than one message in a unary call"),
        (framed(MESSAGE) + b"\0", "more than one message in a unary call"),
        (framed(MESSAGE, compressed=True), "a compressed message without grpc-encoding"),
        (b"\x02" + framed(MESSAGE)[1:], "an unknown flag in the message's prefix"),
    ],
    ids=[
        "nothing",
        "half a prefix",
        "a byte missing",
        "length over the data",
        "two messages",
        "two empty messages",
        "a byte too many",
        "compressed with nothing",
        "reserved flag",
    ],
)
def test_broken_framing_is_an_internal_error_of_the_call(
    server: Server, data: bytes, reason: str
) -> None:
    with H2Sender(server.port) as sender:
        answer = sender.grpc(Signal.TRACES, data)
        assert (answer.headers[":status"], answer.grpc_code) == ("200", INTERNAL)
        assert answer.headers["grpc-message"] == reason
        assert server.counted("bad_framing") == 1
        assert sender.grpc(Signal.TRACES, framed(MESSAGE)).grpc_code == 0
    server.tell(1)


def test_a_message_without_a_byte_is_an_empty_request(server: Server) -> None:
    with H2Sender(server.port) as sender:
        answer = sender.grpc(Signal.TRACES, framed(b""))
    assert (answer.grpc_code, answer.data) == (0, framed(b""))


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_message_may_come_in_frames_of_any_size(server: Server, size: int) -> None:
    data = framed(MESSAGE)
    with H2Sender(server.port) as sender:
        stream = sender.open(TRACES, *GRPC_HEAD)
        for at in range(0, len(data), size):
            sender.push(stream, data[at : at + size])
        sender.push(stream, b"", end=True)
        assert sender.wait(stream).grpc_code == 0
    server.tell(1)
    assert server.accepted[0].to_otlp() == MESSAGE


@pytest.mark.parametrize(
    "method",
    [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/grpc.health.v1.Health/Watch",
        "/",
    ],
)
def test_an_unknown_method_is_unimplemented(server: Server, method: str) -> None:
    with GrpcSender(server.port) as sender:
        answer = sender.call(method, MESSAGE)
    assert answer.code is grpc.StatusCode.UNIMPLEMENTED
    assert answer.message == f"nothing is received at {method}"
    assert server.counted("unknown_path") == 1


@pytest.mark.parametrize("content_type", ["application/grpc+json", "application/grpc-web", ""])
def test_another_kind_of_grpc_is_refused_by_http(server: Server, content_type: str) -> None:
    with H2Sender(server.port) as sender:
        answer = sender.request(TRACES, framed(MESSAGE), ("content-type", content_type))
    assert answer.headers[":status"] == "415"


def test_grpc_with_proto_named_is_grpc(server: Server) -> None:
    with H2Sender(server.port) as sender:
        head = ("content-type", "application/grpc+proto")
        assert sender.request(TRACES, framed(MESSAGE), head).grpc_code == 0
    server.tell(1)


def test_a_message_with_percent_and_unicode_in_it_reaches_the_client_as_it_was(
    server: Server,
) -> None:
    reason = "100 % voll: größer\nals \x7f 漢字 erlaubt"
    server.judge = lambda group: group.reject(reason)
    with GrpcSender(server.port) as sender:
        assert sender.call(TRACES, MESSAGE).message == reason
