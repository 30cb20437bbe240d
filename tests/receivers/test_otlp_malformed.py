"""Bytes that are not what they claim to be cost their sender an answer, and nobody anything."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.pipeline import Batch, Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import names, points, records, spans
from tests.receivers.clients import (
    JSON,
    PROTOBUF,
    Answer,
    GrpcSender,
    HttpSender,
    post,
    send_grpc,
    send_http,
)
from tests.receivers.serving import HTTP_PATHS, Server

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
BATCHES = [spans(1), points(1), records(1)]
TRACES = GRPC_METHODS[Signal.TRACES]


def assert_malformed(answer: Answer, content_type: str = PROTOBUF) -> None:
    assert answer.status == 400
    assert answer.headers["content-type"] == content_type
    assert answer.error.code == INVALID_ARGUMENT.value[0]
    assert answer.error.message.startswith("malformed ")
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.signal)
def test_a_request_cut_at_any_byte_is_malformed_over_http(server: Server, batch: Batch) -> None:
    whole = batch.to_otlp()
    with HttpSender(server.port) as sender:
        for size in range(1, len(whole)):
            assert_malformed(sender.request(HTTP_PATHS[batch.signal], whole[:size]))
    assert server.counted("malformed") == len(whole) - 1
    assert server.counted("connections") == 1


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.signal)
def test_a_request_cut_at_any_byte_is_malformed_over_grpc(server: Server, batch: Batch) -> None:
    whole = batch.to_otlp()
    with GrpcSender(server.port) as sender:
        for size in range(1, len(whole)):
            answer = sender.call(GRPC_METHODS[batch.signal], whole[:size])
            assert answer.code is INVALID_ARGUMENT
            assert answer.status is None, "a retry time would ask for it again"


def test_flipped_bits_are_refused_exactly_where_the_protobuf_library_refuses_them(
    server: Server,
) -> None:
    whole = spans(2).to_otlp()
    with HttpSender(server.port) as sender:
        for seed in range(400):
            body = with_flipped_bits(whole, random.Random(seed))
            answer = sender.request("/v1/traces", body)
            if items := items_of(body):
                assert answer.status == 200, seed
                server.tell(items)
            elif items is None:
                assert_malformed(answer)
    assert server.counted("malformed") > 100


def with_flipped_bits(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to four of its bits inverted."""
    flipped = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def items_of(body: bytes) -> int | None:
    """How many spans a request holds, or `None` when the protobuf library refuses it."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return None
    scopes = [scope for resource in request.resource_spans for scope in resource.scope_spans]
    return sum(len(scope.spans) for scope in scopes)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"resourceSpans":7}', b"\xff{}"])
def test_malformed_json_is_answered_in_json(server: Server, text: bytes) -> None:
    assert_malformed(post(server.port, "/v1/traces", text, {"Content-Type": JSON}), JSON)


JSON_LOGS = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"it"}}]}]}]}'


def test_json_cut_at_any_byte_is_malformed(server: Server) -> None:
    with HttpSender(server.port) as sender:
        for size in range(len(JSON_LOGS)):
            cut = sender.request("/v1/logs", JSON_LOGS[:size], {"Content-Type": JSON})
            assert_malformed(cut, JSON)


def test_flipped_bits_in_json_are_taken_or_malformed(server: Server) -> None:
    with HttpSender(server.port) as sender:
        for seed in range(400):
            text = with_flipped_bits(JSON_LOGS, random.Random(seed))
            answer = sender.request("/v1/logs", text, {"Content-Type": JSON})
            if answer.status == 200:
                server.tell(len(Batch.from_json(Signal.LOGS, text)))
            else:
                assert_malformed(answer, JSON)
    assert server.counted("malformed") > 200


def test_text_that_is_not_utf8_is_malformed(server: Server) -> None:
    body = spans(1, "name").to_otlp().replace(b"name", b"na\xff\xfe")
    assert_malformed(post(server.port, "/v1/traces", body))


def nested(depth: int) -> bytes:
    """A log record whose body is `depth` arrays, each in the other."""
    tags = [b"\x0a", b"\x2a"] * depth  # ArrayValue.values and AnyValue.array_value
    return enclosed(b"", [*tags, b"\x2a", b"\x12", b"\x12", b"\x0a"])


def enclosed(data: bytes, tags: list[bytes]) -> bytes:
    """`data` in length-delimited fields, the first of `tags` the innermost."""
    heads, size = [data], len(data)
    for tag in tags:
        heads.append(tag + varint(size))
        size += len(heads[-1])
    return b"".join(reversed(heads))


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def test_values_may_be_nested_in_moderation(server: Server) -> None:
    assert post(server.port, "/v1/logs", nested(10)).status == 200
    server.tell(1)


@pytest.mark.parametrize("depth", [100, 1_000, 10_000, 100_000])
def test_values_nested_too_deep_are_malformed(server: Server, depth: int) -> None:
    assert_malformed(post(server.port, "/v1/logs", nested(depth)))
    assert send_http(server, records(1)).status == 200


@pytest.mark.parametrize("depth", [100, 30_000])
def test_json_nested_too_deep_is_malformed(server: Server, depth: int) -> None:
    value = b'{"arrayValue":{"values":[' * depth + b"]}}" * depth
    record = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":%s}]}]}]}' % value
    assert_malformed(post(server.port, "/v1/logs", record, {"Content-Type": JSON}), JSON)


@pytest.mark.parametrize("depth", [101, 100_000])
def test_groups_nested_too_deep_are_malformed(server: Server, depth: int) -> None:
    start, end = b"\x9b\x06", b"\x9c\x06"
    assert_malformed(post(server.port, "/v1/traces", start * depth + end * depth))


def test_a_malformed_request_spoils_none_that_wait_with_it(server: Server) -> None:
    server.judge = server.hold
    good = [spans(3, f"sender {number}") for number in range(8)]
    with ThreadPoolExecutor(16) as threads:
        waiting = [threads.submit(send_grpc, server, batch) for batch in good[:4]]
        waiting_http = [threads.submit(send_http, server, batch) for batch in good[4:]]
        bad = good[0].to_otlp()[:-1]
        spoilt = [threads.submit(post, server.port, "/v1/traces", bad) for _ in range(4)]
        with GrpcSender(server.port) as sender:
            assert sender.call(TRACES, bad).code is INVALID_ARGUMENT
        for answer in spoilt:
            assert_malformed(answer.result())
        assert not any(answer.done() for answer in waiting)
        assert not any(answer.done() for answer in waiting_http)
        while server.items < 24:
            server.accept(server.next_held())
        assert {answer.result().code for answer in waiting} == {grpc.StatusCode.OK}
        assert {answer.result().status for answer in waiting_http} == {200}
    assert sorted(names(server.accepted)) == sorted(names(good))
