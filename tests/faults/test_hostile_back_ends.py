"""No answer of a back end, however hostile, costs more than a bounded time and some memory.

Whatever it says, the batch ends as refused or rejected with a reason that fits a line, the books
balance, and the next one goes out as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from penstock.exporters.otlp import Config as OtlpGrpc
from penstock.exporters.otlphttp import Config as OtlpHttp
from penstock.exporters.prometheusremotewrite import Config as RemoteWrite
from penstock.pipeline import Refused
from penstock.pipeline.delivery.retry import MAX_THROTTLE
from tests.faults.hostile_back_ends import ENDLESS, MIB, BackEnd, Peer
from tests.faults.hostile_grpc import (
    ENDLESS_GRPC_ANSWERS,
    FAILED,
    GRPC_ANSWERS,
    accept_grpc,
    ending,
)
from tests.faults.hostile_http import (
    ENDLESS_HTTP_ANSWERS,
    HTTP_ANSWERS,
    OK,
    PROTOBUF,
    UNAVAILABLE,
    accept_http,
    body,
    length,
    saying,
)
from tests.kit import Source, in_loop, outcome_of, points, service, spans, wire
from tests.receivers.watching import peak_memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.pipeline import Batch
    from penstock.pipeline.runner import Running
    from tests.faults.hostile_back_ends import Answer

TIMEOUT = 0.5
"""Seconds that an attempt may take, by the exporter's settings."""

MOST_MEMORY = 32 * MIB
MOST_READ = 16 * MIB
"""What is read of an answer: 4 MiB, and what buffers between the two hold."""

DELIVERY: dict[str, Any] = {
    "timeout": f"{TIMEOUT}s",
    "compression": "none",
    "retry_on_failure": {"enabled": False},
    "sending_queue": {"enabled": False},
}


@asynccontextmanager
async def over_http(back_end: BackEnd) -> AsyncIterator[tuple[Running, Source]]:
    """A service whose exporter sends to the back end by OTLP/HTTP."""
    source = Source()
    async with back_end.serving(Peer.serve_http1) as port:
        out = OtlpHttp.model_validate({"endpoint": f"http://127.0.0.1:{port}", **DELIVERY})
        async with service(wire("traces: in -> out", in_=source, out=out)) as running:
            yield running, source


@asynccontextmanager
async def over_grpc(back_end: BackEnd) -> AsyncIterator[tuple[Running, Source]]:
    """A service whose exporter sends to the back end by OTLP/gRPC."""
    source = Source()
    async with back_end.serving(Peer.serve_http2) as port:
        out = OtlpGrpc.model_validate({"endpoint": f"http://127.0.0.1:{port}", **DELIVERY})
        async with service(wire("traces: in -> out", in_=source, out=out)) as running:
            yield running, source


@asynccontextmanager
async def over_remote_write(back_end: BackEnd) -> AsyncIterator[tuple[Running, Source]]:
    """A service whose exporter sends to the back end by remote write."""
    source = Source()
    settings = {"remote_write_queue": {"enabled": False}, "retry_on_failure": {"enabled": False}}
    async with back_end.serving(Peer.serve_http1) as port:
        endpoint = {"endpoint": f"http://127.0.0.1:{port}", "timeout": f"{TIMEOUT}s"}
        out = RemoteWrite.model_validate({**endpoint, **settings})
        async with service(wire("metrics: in -> out", in_=source, out=out)) as running:
            yield running, source


async def survive(
    back_end: BackEnd,
    running: Any,
    honest: Answer,
    most_read: int = MOST_READ,
    batch: Batch | None = None,
) -> BaseException | None:
    """What becomes of a batch that gets a hostile answer; those before and after are delivered."""
    batch = batch or spans(3)
    hostile, back_end.answer = back_end.answer, honest
    with peak_memory() as growth:
        async with running as (_, source):
            assert await retried(source, batch) is None
            back_end.answer, before = hostile, back_end.requests
            begun = time.monotonic()
            outcome = await outcome_of(source.send(batch))
            assert time.monotonic() - begun < TIMEOUT + 5
            assert back_end.requests == before + 1
            back_end.answer = honest
            assert await retried(source, batch) is None
    assert back_end.written < most_read
    assert growth.bytes < MOST_MEMORY
    assert len(str(outcome)) < 1000
    assert str(outcome).isprintable()
    return outcome


async def retried(source: Source, batch: Batch) -> BaseException | None:
    """What becomes of a batch whose sender tries again while it is refused."""
    for _ in range(100):
        outcome = await outcome_of(source.send(batch))
        if not isinstance(outcome, Refused):
            return outcome
        await asyncio.sleep(0.02)
    return outcome


@pytest.mark.parametrize("answer", ENDLESS_HTTP_ANSWERS.values(), ids=ENDLESS_HTTP_ANSWERS)
@in_loop
async def test_what_http_does_not_bound_ends_with_the_attempt(answer: Answer) -> None:
    back_end = BackEnd(answer)
    outcome = await survive(back_end, over_http(back_end), accept_http, most_read=ENDLESS)
    assert "no answer in time" in str(outcome)


@pytest.mark.parametrize("answer", HTTP_ANSWERS.values(), ids=HTTP_ANSWERS)
@in_loop
async def test_an_http_answer_costs_little_and_leaves_the_exporter_usable(answer: Answer) -> None:
    back_end = BackEnd(answer)
    await survive(back_end, over_http(back_end), accept_http)


@pytest.mark.parametrize("answer", HTTP_ANSWERS.values(), ids=HTTP_ANSWERS)
@in_loop
async def test_an_answer_to_remote_write_costs_little_too(answer: Answer) -> None:
    back_end = BackEnd(answer)
    await survive(back_end, over_remote_write(back_end), accept_http, batch=points(3))


@pytest.mark.parametrize("answer", ENDLESS_HTTP_ANSWERS.values(), ids=ENDLESS_HTTP_ANSWERS)
@in_loop
async def test_an_endless_answer_to_remote_write_ends_with_the_request(answer: Answer) -> None:
    back_end = BackEnd(answer)
    outcome = await survive(
        back_end, over_remote_write(back_end), accept_http, most_read=ENDLESS, batch=points(3)
    )
    assert "no answer in time" in str(outcome)


@pytest.mark.parametrize("answer", ENDLESS_GRPC_ANSWERS.values(), ids=ENDLESS_GRPC_ANSWERS)
@in_loop
async def test_what_grpc_does_not_bound_ends_with_the_attempt(answer: Answer) -> None:
    back_end = BackEnd(answer)
    await survive(back_end, over_grpc(back_end), accept_grpc, most_read=ENDLESS)


@pytest.mark.parametrize("answer", GRPC_ANSWERS.values(), ids=GRPC_ANSWERS)
@in_loop
async def test_a_grpc_answer_costs_little_and_leaves_the_exporter_usable(answer: Answer) -> None:
    back_end = BackEnd(answer)
    await survive(back_end, over_grpc(back_end), accept_grpc)


def asking(retry_after: str) -> Answer:
    return saying(UNAVAILABLE + f"Retry-After: {retry_after}\r\n".encode() + length(0) + b"\r\n")


YEARS = timedelta(days=3650)
WAITS = {
    "10 years": str(int(YEARS.total_seconds())),
    "a number without end": "9" * 8000,
    "a negative number": "-5",
    "a date in 10 years": format_datetime(datetime.now(UTC) + YEARS),
    "a date in the past": format_datetime(datetime.now(UTC) - YEARS),
    "a date that does not exist": "Tue, 31 Feb 99999 25:61:61 GMT",
    "infinity": "inf",
    "no number": "nan",
    "digits of another script": "\u0665".encode().decode("latin-1"),
}


@pytest.mark.parametrize("retry_after", WAITS.values(), ids=WAITS)
@in_loop
async def test_no_wait_by_http_is_longer_than_a_minute(retry_after: str) -> None:
    back_end = BackEnd(asking(retry_after))
    outcome = await survive(back_end, over_http(back_end), accept_http)
    assert isinstance(outcome, Refused)
    assert 0 <= outcome.retry_after <= MAX_THROTTLE


def asking_grpc(seconds: int, nanos: int = 0) -> Answer:
    info = RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos))
    status = Status(code=14, message="later")
    status.details.add().Pack(info)
    details = b64encode(status.SerializeToString()).decode().rstrip("=")
    return ending(FAILED, ("grpc-status-details-bin", details))


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(int(YEARS.total_seconds()), 0), (-5, 0), (2**63 - 1, 999_999_999), (-(2**63), 0), (0, -7)],
)
@in_loop
async def test_no_wait_by_grpc_is_longer_than_a_minute(seconds: int, nanos: int) -> None:
    back_end = BackEnd(asking_grpc(seconds, nanos))
    outcome = await survive(back_end, over_grpc(back_end), accept_grpc)
    assert isinstance(outcome, Refused)
    assert 0 <= outcome.retry_after <= MAX_THROTTLE


@pytest.mark.parametrize("rejected", [2**63 - 1, 4, -1])
@in_loop
async def test_more_items_cannot_be_rejected_than_were_sent(rejected: int) -> None:
    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans = rejected
    partial.partial_success.error_message = "no\n" * 1000
    back_end = BackEnd(body(OK, PROTOBUF, partial.SerializeToString()))
    async with over_http(back_end) as (running, source):
        assert await outcome_of(source.send(spans(3))) is None
        failed = running.telemetry.total("otelcol_exporter_send_failed_spans")
        assert failed == (3 if rejected > 0 else 0)
