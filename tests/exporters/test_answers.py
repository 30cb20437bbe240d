"""What an OTLP answer means, well-formed or not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from penstock.exporters._answers import failure_message, rejection, retry_after, retry_info
from penstock.pipeline import Rejected

PROTOBUF, JSON = "application/x-protobuf", "application/json"


@pytest.mark.parametrize(
    ("response", "field"),
    [
        (ExportTraceServiceResponse, "rejected_spans"),
        (ExportMetricsServiceResponse, "rejected_data_points"),
        (ExportLogsServiceResponse, "rejected_log_records"),
    ],
)
def test_partial_success_reads_the_same_for_every_signal(response: type, field: str) -> None:
    answer = response(partial_success={field: 7, "error_message": "too old"})
    assert rejection(answer.SerializeToString()) == Rejected(7, "too old")


@pytest.mark.parametrize("key", ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"])
@pytest.mark.parametrize("count", [7, "7"])
def test_partial_success_in_json_has_a_number_or_its_text(key: str, count: int | str) -> None:
    answer = json.dumps({"partialSuccess": {key: count, "errorMessage": "too old"}, "new": 1})
    assert rejection(answer.encode(), json=True) == Rejected(7, "too old")


@pytest.mark.parametrize("answer", [b"{}", b'{"partialSuccess":{}}', b'{"partialSuccess":null}'])
def test_a_json_answer_without_partial_success_is_a_success(answer: bytes) -> None:
    assert rejection(answer, json=True) is None


def test_a_count_below_zero_rejects_nothing_and_a_missing_reason_is_said_to_be_missing() -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = -5
    assert rejection(answer.SerializeToString()) is None
    answer.partial_success.rejected_spans = 5
    assert rejection(answer.SerializeToString()) == Rejected(5, "the back end gave no reason")


@pytest.mark.parametrize(
    "answer", [b"[", b"[" * 100_000, b'{"partialSuccess":7}', b'{"partialSuccess":', b"\xff"]
)
@pytest.mark.parametrize("as_json", [True, False])
def test_what_is_no_answer_raises_value_error(answer: bytes, as_json: bool) -> None:
    with pytest.raises(ValueError, match=r"not an OTLP response|validation error"):
        rejection(answer, json=as_json)


@pytest.mark.parametrize(
    ("answer", "content_type", "message"),
    [
        (Status(code=3, message="no id").SerializeToString(), PROTOBUF, "no id"),
        (b'{"code":3,"message":"no id","details":[]}', JSON, "no id"),
        (b"upstream\nis gone", "text/plain", r"upstream\nis gone"),
        (b"<html>", "text/html", ""),
        (b"\xff", PROTOBUF, ""),
        (b'{"message":7}', JSON, ""),
        (b"[" * 100_000, JSON, ""),
        (b"", PROTOBUF, ""),
    ],
)
def test_the_message_of_a_failure_is_found_where_there_is_one(
    answer: bytes, content_type: str, message: str
) -> None:
    assert failure_message(answer, content_type) == message


def details(*messages: RetryInfo | BadRequest) -> bytes:
    """A Status with these details."""
    status = Status(code=14)
    for message in messages:
        status.details.add().Pack(message)
    return bytes(status.SerializeToString())


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        (details(RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000))), 2.5),
        (details(BadRequest(), RetryInfo(retry_delay=Duration(seconds=1))), 1.0),
        (details(RetryInfo()), 0.0),
        (details(RetryInfo(retry_delay=Duration(seconds=-5))), 0.0),
        (details(BadRequest()), None),
        (details(), None),
        (b"\xff", None),
    ],
)
def test_retry_info_is_found_among_the_details(status: bytes, seconds: float | None) -> None:
    assert retry_info(status) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("3", 3.0),
        ("0", 0.0),
        ("-3", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 5_000, float("inf")),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 99999999999 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(header) == seconds


def test_retry_after_a_date_is_the_time_until_then() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    seconds = retry_after(date)
    assert seconds is not None
    assert 25 < seconds <= 30
