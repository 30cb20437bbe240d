"""A warning goes with every answer that is a success, as OTLP's partial success says it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from penstock.pipeline import Signal
from tests.kit import points, records, spans
from tests.receivers.clients import JSON, PROTOBUF, HttpSender, post, send_grpc, send_http
from tests.receivers.serving import eventually

if TYPE_CHECKING:
    from penstock.pipeline import Batch
    from tests.receivers.serving import Server

RESPONSES: dict[Signal, Any] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
}
EVERY_SIGNAL = pytest.mark.parametrize("batch", [spans(1), points(2), records(3)])


def heard(signal: Signal, body: bytes) -> str:
    """The warning in an answer, which rejects nothing; "" for none."""
    said = RESPONSES[signal].FromString(body).partial_success
    assert [field.name for field, _ in said.ListFields()] in ([], ["error_message"])
    return str(said.error_message)


@EVERY_SIGNAL
def test_it_is_told_over_grpc(server: Server, batch: Batch) -> None:
    server.intake.warn(batch.signal, "too many series: 5 % of “users”", 60)
    answer = send_grpc(server, batch)
    assert answer.code is grpc.StatusCode.OK
    assert heard(batch.signal, answer.response) == "too many series: 5 % of “users”"


@EVERY_SIGNAL
def test_it_is_told_over_http_as_protobuf(server: Server, batch: Batch) -> None:
    server.intake.warn(batch.signal, "too many series", 60)
    with HttpSender(server.port) as sender:
        for _ in range(2):
            answer = sender.send(server, batch)
            assert (answer.status, answer.headers["content-type"]) == (200, PROTOBUF)
            assert heard(batch.signal, answer.body) == "too many series"


@EVERY_SIGNAL
def test_it_is_told_over_http_as_json(server: Server, batch: Batch) -> None:
    server.intake.warn(batch.signal, 'the label "user\n" has too many values', 60)
    answer = post(server.port, f"/v1/{batch.signal}", batch.to_json(), {"Content-Type": JSON})
    server.tell(len(batch))
    assert (answer.status, answer.headers["content-type"]) == (200, JSON)
    said = json_format.Parse(answer.body, RESPONSES[batch.signal]())
    assert said.partial_success.error_message == 'the label "user\n" has too many values'


def test_only_senders_of_its_signal_are_told(server: Server) -> None:
    server.intake.warn("metrics", "too many series", 60)
    assert send_grpc(server, spans(1)).response == b""
    assert send_http(server, records(1)).body == b""
    assert send_http(server, points(1)).body != b""


def test_a_refusal_is_a_refusal(server: Server) -> None:
    server.intake.warn("metrics", "too many series", 60)
    server.judge = lambda group: group.refuse("the queue is full", 1)
    answer = send_http(server, points(1))
    assert (answer.status, answer.error.message) == (503, "the queue is full")
    assert post(server.port, "/v1/metrics", b"?").status == 400


def test_senders_that_need_not_wait_for_the_pipeline_are_told_as_well(server: Server) -> None:
    server.judge = server.hold
    server.intake.grant(1024 * 1024)
    server.intake.warn("metrics", "too many series", 60)
    assert heard(Signal.METRICS, send_http(server, points(1)).body) == "too many series"
    server.accept(server.next_held())


def test_compressed_requests_are_answered_the_same(server: Server) -> None:
    server.intake.warn("traces", "slow down", 60)
    body = gzip.compress(spans(1).to_otlp())
    answer = post(server.port, "/v1/traces", body, {"Content-Encoding": "gzip"})
    server.tell(1)
    assert heard(Signal.TRACES, answer.body) == "slow down"


def test_the_last_word_counts(server: Server) -> None:
    server.intake.warn("traces", "first", 60)
    server.intake.warn("traces", "second", 60)
    assert heard(Signal.TRACES, send_http(server, spans(1)).body) == "second"


def test_it_is_told_no_more_when_its_time_is_over(server: Server) -> None:
    server.intake.warn("traces", "short", 0.05)
    server.intake.warn("logs", "long", 60)
    eventually(lambda: send_http(server, spans(1)).body == b"")
    assert send_grpc(server, spans(1)).response == b""
    assert heard(Signal.LOGS, send_http(server, records(1)).body) == "long"


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_takes_it_back(server: Server, seconds: float) -> None:
    server.intake.warn("traces", "never mind", 60)
    server.intake.warn("traces", "", seconds)
    assert send_http(server, spans(1)).body == b""


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e300])
def test_a_time_without_an_end_is_long(server: Server, seconds: float) -> None:
    server.intake.warn("traces", "for long", seconds)
    assert heard(Signal.TRACES, send_http(server, spans(1)).body) == "for long"


def test_a_long_message_is_cut_at_a_character(server: Server) -> None:
    server.intake.warn("traces", "x" + "ü" * 1000, 60)
    assert heard(Signal.TRACES, send_grpc(server, spans(1)).response) == "x" + "ü" * 511


def test_a_signal_that_there_is_not_is_an_error(server: Server) -> None:
    with pytest.raises(ValueError, match="profiles is not a signal"):
        server.intake.warn("profiles", "what", 60)
