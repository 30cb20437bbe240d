"""Whatever OTLP allows a sender to speak is understood, on either port."""

from __future__ import annotations

import json

import grpc
import pytest
from google.protobuf import json_format
from grpc_health.v1 import (  # type: ignore[import-untyped]
    health_pb2,
    health_pb2_grpc,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from penstock.pipeline import Batch, Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import points, records, spans
from tests.receivers.clients import JSON, PROTOBUF, GrpcSender, post, send_grpc, send_http
from tests.receivers.raw_http2 import H2Sender
from tests.receivers.serving import HTTP_PATHS, Server, serving

BATCHES = [spans(3), points(3), records(3)]

JSON_REQUESTS = {
    Signal.TRACES: {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {"spans": [{"name": "json", "traceId": "0A" * 16, "spanId": "0b" * 8}]},
                ]
            }
        ]
    },
    Signal.METRICS: {
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"gauge": {"dataPoints": [{"asInt": "7"}]}}]}]}
        ]
    },
    Signal.LOGS: {
        "resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "json"}}]}]}]
    },
}

WITHOUT_ITEMS = ExportTraceServiceRequest()
WITHOUT_ITEMS.resource_spans.add().scope_spans.add()


@pytest.mark.parametrize("port", [0, 1])
@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.signal)
def test_grpc_arrives_byte_for_byte_on_either_port(server: Server, batch: Batch, port: int) -> None:
    with GrpcSender(server.ports[port]) as sender:
        answer = sender.send(server, batch)
    assert answer.code is grpc.StatusCode.OK
    assert ExportTraceServiceResponse.FromString(answer.response) == ExportTraceServiceResponse()
    assert [taken.to_otlp() for taken in server.accepted] == [batch.to_otlp()]


@pytest.mark.parametrize("port", [0, 1])
@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.signal)
def test_protobuf_over_http_arrives_byte_for_byte_on_either_port(
    server: Server, batch: Batch, port: int
) -> None:
    answer = post(server.ports[port], HTTP_PATHS[batch.signal], batch.to_otlp())
    server.tell(len(batch))
    assert (answer.status, answer.headers["content-type"]) == (200, PROTOBUF)
    assert ExportTraceServiceResponse.FromString(answer.body) == ExportTraceServiceResponse()
    assert [taken.to_otlp() for taken in server.accepted] == [batch.to_otlp()]


@pytest.mark.parametrize("port", [0, 1])
@pytest.mark.parametrize("signal", Signal)
def test_json_over_http_arrives_on_either_port(server: Server, signal: Signal, port: int) -> None:
    text = json.dumps(JSON_REQUESTS[signal]).encode()
    answer = post(server.ports[port], HTTP_PATHS[signal], text, {"Content-Type": JSON})
    server.tell(1)
    assert (answer.status, answer.headers["content-type"]) == (200, JSON)
    assert json_format.Parse(answer.body, ExportTraceServiceResponse()) is not None
    assert [(taken.signal, len(taken)) for taken in server.accepted] == [(signal, 1)]


@pytest.mark.parametrize(
    "content_type", ["Application/X-Protobuf", "application/x-protobuf; charset=utf-8"]
)
def test_a_content_type_has_any_case_and_any_parameters(server: Server, content_type: str) -> None:
    assert send_http(server, spans(1), **{"Content-Type": content_type}).status == 200


def test_http_is_understood_over_http2_too(server: Server) -> None:
    with H2Sender(server.port) as sender:
        answer = sender.request("/v1/traces", spans(2).to_otlp(), ("content-type", PROTOBUF))
    server.tell(2)
    assert answer.headers[":status"] == "200"


def test_the_health_service_says_that_the_server_serves(server: Server) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    "message", [b"", WITHOUT_ITEMS.SerializeToString()], ids=["bytes", "items"]
)
@pytest.mark.parametrize("signal", Signal)
def test_a_request_without_items_is_a_success_that_nobody_hears_of(
    server: Server, signal: Signal, message: bytes
) -> None:
    with GrpcSender(server.port) as sender:
        assert sender.call(GRPC_METHODS[signal], message).code is grpc.StatusCode.OK
    assert post(server.port, HTTP_PATHS[signal], message).status == 200
    assert server.accepted == []


def test_a_signal_that_is_not_wired_is_not_found() -> None:
    with serving(Signal.LOGS) as server:
        answer = send_grpc(server, spans(1))
        assert answer.code is grpc.StatusCode.UNIMPLEMENTED
        assert "/opentelemetry.proto.collector.trace.v1.TraceService/Export" in answer.message
        assert send_http(server, spans(1)).status == 404
        assert server.counted("unknown_path") == 2
        assert send_grpc(server, records(1)).code is grpc.StatusCode.OK


def test_connections_are_kept_for_the_next_request(server: Server) -> None:
    with GrpcSender(server.port) as sender:
        codes = {sender.send(server, spans(1)).code for _ in range(5)}
    assert codes == {grpc.StatusCode.OK}
    assert server.counted("connections") == 1
