"""The exceptions connector."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from penstock.connectors.exceptions import Config
from penstock.pipeline import Batch, Refused, Signal
from tests.kit import Backend, Source, context, in_loop, service, spans, wire


def traces(**attributes: str) -> Batch:
    """Two spans of the shop, one of which failed twice, and one of somebody without a name."""
    request = ExportTraceServiceRequest()
    for name in ("shop", None):
        group = request.resource_spans.add(schema_url="schemas/1")
        if name:
            group.resource.attributes.add(key="service.name").value.string_value = name
            group.resource.attributes.add(key="host.name").value.string_value = "b"
        scope = group.scope_spans.add()
        scope.scope.name = "shop.checkout"
        span = scope.spans.add(
            name="pay", kind=3, trace_id=b"t" * 16, span_id=b"s" * 8, status={"code": 2}
        )
        span.attributes.add(key="http.route").value.string_value = "/pay"
        for key, value in attributes.items():
            span.attributes.add(key=key).value.string_value = value
        for number, event in enumerate(("retry", "exception", "exception")):
            told = span.events.add(name=event, time_unix_nano=10 + number)
            if event == "exception":
                told.attributes.add(key="exception.type").value.string_value = f"E{number}"
                told.attributes.add(key="exception.stacktrace").value.string_value = "at f"
        scope.spans.add(name="fine").events.add(name="retry")
    return Batch.from_otlp(Signal.TRACES, request.SerializeToString())


def logs() -> Batch:
    """A record of an exception, and one of something else, of the shop."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add(schema_url="schemas/1")
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    for name in ("exception", "login"):
        record = group.scope_logs.add().log_records.add(event_name=name)
        record.attributes.add(key="exception.type").value.string_value = "E"
    return Batch.from_otlp(Signal.LOGS, request.SerializeToString())


async def made(batch: Batch, **options: Any) -> tuple[list[dict[str, Any]], float]:
    """The log records that are made of a batch, and how many exceptions were left out."""
    return await passed(batch, "logs/2", **options)


async def counted(*batches: Batch, **options: Any) -> dict[tuple[str, ...], int]:
    """How often there was what: values of attributes."""
    rows = [row for batch in batches for row in (await passed(batch, "metrics", **options))[0]]
    assert {row["metric"]["name"] for row in rows} <= {"exceptions"}
    return {tuple(row["attributes"].values()): row["as_int"] for row in rows}


async def passed(batch: Batch, to: str, **options: Any) -> tuple[list[dict[str, Any]], float]:
    """What a pipeline gets of a batch, and how many exceptions were left out."""
    source, backend = Source(), Backend()
    settings = wire(
        f"{batch.signal}: in -> exceptions",
        f"{to}: exceptions -> out",
        in_=source,
        exceptions=Config.model_validate(options),
        out=backend,
    )
    async with service(settings) as running:
        await source.send(batch)
        left_out = running.telemetry.total(
            "penstock_connector_dropped_items", reason="no_service_name"
        )
    return [row for got in backend.got for row in got.rows()], left_out


@in_loop
async def test_every_exception_of_a_span_becomes_a_record() -> None:
    (first, second), left_out = await made(traces())
    assert left_out == 2
    assert first == {
        "resource": {"attributes": {"service.name": "shop", "host.name": "b"}},
        "resource_schema_url": "schemas/1",
        "scope": {"name": "shop.checkout"},
        "time_unix_nano": 11,
        "severity_number": 17,
        "severity_text": "ERROR",
        "event_name": "exception",
        "trace_id": (b"t" * 16).hex(),
        "span_id": (b"s" * 8).hex(),
        "attributes": {
            "http.route": "/pay",
            "service.name": "shop",
            "span.name": "pay",
            "span.kind": "SPAN_KIND_CLIENT",
            "status.code": "STATUS_CODE_ERROR",
            "exception.type": "E1",
            "exception.stacktrace": "at f",
        },
    }
    assert second["time_unix_nano"] == 12
    assert second["attributes"]["exception.type"] == "E2"


@in_loop
async def test_dimensions_are_of_the_span_or_the_event_or_the_resource_or_the_default() -> None:
    dimensions = [{"name": name} for name in ("http.route", "exception.type", "host.name", "zone")]
    dimensions.append({"name": "region", "default": "eu"})
    rows, _ = await made(traces(), dimensions=dimensions)
    told = rows[0]["attributes"]
    assert [told.get(each["name"]) for each in dimensions] == ["/pay", "E1", "b", None, "eu"]


@in_loop
async def test_what_the_event_says_of_its_exception_is_what_counts() -> None:
    rows, _ = await made(traces(**{"exception.type": "Other", "exception.message": "from span"}))
    assert [row["attributes"]["exception.type"] for row in rows] == ["E1", "E2"]
    assert rows[0]["attributes"]["exception.message"] == "from span"


@in_loop
async def test_records_of_exceptions_are_passed_on_as_they_are() -> None:
    rows, _ = await made(logs())
    assert rows == logs().rows()[:1]


@in_loop
async def test_without_exceptions_nothing_is_passed_on() -> None:
    assert await made(spans(2)) == ([], 0)


@in_loop
async def test_ids_of_a_wrong_length_and_unknown_numbers_do_no_harm() -> None:
    request = ExportTraceServiceRequest.FromString(traces().to_otlp())
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.trace_id, span.span_id = b"abc", b""
    encoded = request.SerializeToString().replace(b"0\x03", b"0\x63", 1)
    rows, _ = await made(Batch.from_otlp(Signal.TRACES, encoded))
    assert len(rows) == 2


@in_loop
async def test_exceptions_are_counted_by_where_they_were_and_what_they_are() -> None:
    span = ("shop", "pay", "SPAN_KIND_CLIENT", "STATUS_CODE_ERROR")
    assert await counted(traces()) == {(*span, "E1"): 1, (*span, "E2"): 1}
    assert await counted(traces(), dimensions=[]) == {span: 2}


@in_loop
async def test_records_of_exceptions_are_counted_by_their_services() -> None:
    assert await counted(logs()) == {("shop", "E"): 1}
    assert await counted(logs(), dimensions=[{"name": "zone", "default": "b"}]) == {
        ("shop", "b"): 1
    }


@in_loop
async def test_counts_are_totals_with_examples() -> None:
    rows, left_out = await passed(traces(), "metrics", exemplars={"enabled": True})
    assert left_out == 2
    assert rows[0]["metric"]["aggregation_temporality"] == 2
    assert rows[0]["metric"]["is_monotonic"]
    assert rows[0]["resource"] == {}
    (example,) = rows[0]["exemplars"]
    assert (example["trace_id"], example["time_unix_nano"]) == ((b"t" * 16).hex(), 11)
    assert (await passed(logs(), "metrics", exemplars={"enabled": True}))[0][0]["as_int"] == 1


@in_loop
async def test_what_is_refused_is_not_counted_until_it_comes_again() -> None:
    taken: list[Batch] = []
    full = [Refused("full")]

    async def take(batch: Batch) -> None:
        if full:
            raise full.pop()
        taken.append(batch)

    async with context("exceptions") as given:
        connector = Config().build(given)
        await connector.start(take)
        with pytest.raises(Refused):
            await connector.consume(traces())
        await connector.consume(traces())
        await connector.stop()
    assert [batch.signal for batch in taken] == [Signal.LOGS, Signal.METRICS]
    assert [row["as_int"] for row in taken[1].rows()] == [1, 1]


@pytest.mark.parametrize(
    "names", [["exception.type", "exception.type"], ["span.name"], ["service.name"], [""]]
)
def test_names_that_are_there_already_are_refused(names: list[str]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"dimensions": [{"name": name} for name in names]})
