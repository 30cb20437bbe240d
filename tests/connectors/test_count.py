"""The count connector."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from penstock.connectors.count import Config
from penstock.pipeline import Batch, Invalid, Signal
from tests.conformance.contract import marked
from tests.kit import Backend, Source, in_loop, points, records, service, spans, wire

Counts = dict[str, list[tuple[int, dict[str, Any]]]]


def traces() -> Batch:
    """Two spans of the shop, one of them with two events, and one of the bank."""
    request = ExportTraceServiceRequest()
    for name, routes in (("shop", ["/a", "/b"]), ("bank", ["/a"])):
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = name
        scope = resource.scope_spans.add()
        for number, route in enumerate(routes):
            span = scope.spans.add(
                name=route, start_time_unix_nano=10 + number, end_time_unix_nano=20 + number
            )
            span.attributes.add(key="route").value.string_value = route
    for time in (7, 9):
        request.resource_spans[0].scope_spans[0].spans[0].events.add(
            name=f"event {time}", time_unix_nano=time
        )
    return Batch.from_otlp(Signal.TRACES, request.SerializeToString())


async def made(batch: Batch, **options: Any) -> list[dict[str, Any]]:
    """The data points that are made of a batch."""
    source, backend = Source(), Backend()
    settings = wire(
        f"{batch.signal}: in -> count",
        "metrics/2: count -> out",
        in_=source,
        count=Config.model_validate(options),
        out=backend,
    )
    async with service(settings):
        await source.send(batch)
    return [row for got in backend.got for row in got.rows()]


def counts(rows: list[dict[str, Any]]) -> Counts:
    """By metric, each number and its attributes."""
    found: Counts = {}
    for row in rows:
        number = (row["as_int"], row.get("attributes", {}))
        found.setdefault(row["metric"]["name"], []).append(number)
    return found


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (spans(3), {"trace.span.count": [(3, {})]}),
        (points(3), {"metric.count": [(1, {})], "metric.datapoint.count": [(3, {})]}),
        (
            marked(Signal.METRICS, "ab"),
            {"metric.count": [(2, {})], "metric.datapoint.count": [(2, {})]},
        ),
        (records(3), {"log.record.count": [(3, {})]}),
    ],
)
@in_loop
async def test_without_options_everything_is_counted(batch: Batch, expected: Counts) -> None:
    assert counts(await made(batch)) == expected


@in_loop
async def test_each_resource_has_counts_of_its_own() -> None:
    rows = await made(traces())
    found = [
        (row["resource"]["attributes"]["service.name"], row["metric"]["name"], row["as_int"])
        for row in rows
    ]
    assert found == [
        ("shop", "trace.span.count", 2),
        ("shop", "trace.span.event.count", 2),
        ("bank", "trace.span.count", 1),
    ]


@in_loop
async def test_counts_are_deltas_over_the_time_of_what_was_counted() -> None:
    rows = await made(traces())
    times = [(row["start_time_unix_nano"], row["time_unix_nano"]) for row in rows]
    assert times == [(10, 21), (7, 9), (10, 20)]
    assert {row["metric"]["aggregation_temporality"] for row in rows} == {1}
    assert {row["metric"]["is_monotonic"] for row in rows} == {True}


@in_loop
async def test_what_has_no_time_is_counted_now() -> None:
    (row,) = await made(records(1))
    assert row["start_time_unix_nano"] == row["time_unix_nano"] > 1 << 60


@in_loop
async def test_only_what_matches_any_condition_is_counted() -> None:
    metric = {"description": "some", "conditions": ['name == "/b"', 'attributes["x"] == 1']}
    rows = await made(traces(), spans={"some": metric}, spanevents={})
    assert counts(rows) == {"some": [(1, {})]}
    assert rows[0]["metric"]["description"] == "some"


@in_loop
async def test_attributes_are_the_items_own_or_those_of_what_it_is_in_or_the_default() -> None:
    attributes = [
        {"key": "route"},
        {"key": "service.name"},
        {"key": "zone", "default_value": 4},
    ]
    found = await made(traces(), spans={"n": {"attributes": attributes}}, spanevents={})
    assert counts(found) == {
        "n": [
            (1, {"route": "/a", "service.name": "shop", "zone": 4}),
            (1, {"route": "/b", "service.name": "shop", "zone": 4}),
            (1, {"route": "/a", "service.name": "bank", "zone": 4}),
        ]
    }


@in_loop
async def test_what_has_not_every_attribute_does_not_count() -> None:
    attributes = [{"key": "route"}, {"key": "zone"}]
    assert await made(traces(), spans={"n": {"attributes": attributes}}, spanevents={}) == []


@in_loop
async def test_events_and_metrics_have_conditions_too() -> None:
    late = {"late": {"conditions": ['name == "event 9" and span.name == "/a"']}}
    assert counts(await made(traces(), spans={}, spanevents=late)) == {"late": [(1, {})]}
    second = {"b": {"conditions": ['name == "b"']}}
    found = await made(marked(Signal.METRICS, "abb"), metrics=second, datapoints={})
    assert counts(found) == {"b": [(1, {})]}


@in_loop
async def test_a_batch_for_which_a_condition_fails_is_invalid() -> None:
    with pytest.raises(Invalid, match="division by zero"):
        await made(spans(1), spans={"n": {"conditions": ["Len(name) / 0 == 1"]}})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"spans": {"": {}}}, "at least 1 character"),
        ({"spans": {"n": {"conditions": ["nam == 1"]}}}, "did you mean `name`"),
        ({"logs": {"n": {"conditions": ["span.name == 1"]}}}, "column 1"),
        ({"logs": {"n": {"attributes": [{"key": ""}]}}}, "at least 1 character"),
        ({"metrics": {"n": {"attributes": []}}}, "Extra inputs"),
    ],
)
def test_a_metric_that_cannot_be_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)
