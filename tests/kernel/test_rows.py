"""Rows against the same documents made from the protobuf library's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from penstock._kernel import Batch
from tests.kernel.messages import REQUESTS, SIGNALS, payloads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEVELS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
}
IDS = {"trace_id", "span_id", "parent_span_id"}


def expected_rows(signal: str, request: Message) -> Iterator[dict[str, Any]]:
    """The rows of a request, by the protobuf library."""
    resources, scopes, items = LEVELS[signal]
    for of_resource in getattr(request, resources):
        resource = parent("resource", of_resource)
        for of_scope in getattr(of_resource, scopes):
            scope = resource | parent("scope", of_scope)
            for item in getattr(of_scope, items):
                yield from points(item, scope) if signal == "metrics" else [scope | fields(item)]


def parent(name: str, message: Any) -> dict[str, Any]:
    """What `ResourceSpans`, `ScopeSpans` and their like say of their items."""
    found = {name: fields(getattr(message, name))}
    return found | ({f"{name}_schema_url": message.schema_url} if message.schema_url else {})


def points(metric: Any, scope: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a metric."""
    if kind := metric.WhichOneof("data"):
        data = getattr(metric, kind)
        whole = fields(metric, kind) | {"type": kind} | fields(data, "data_points")
        for point in data.data_points:
            yield scope | {"metric": whole} | fields(point)


def fields(message: Message, *without: str) -> dict[str, Any]:
    """The fields that a message has."""
    return {
        field.name: held(field.name, value)
        for field, value in message.ListFields()
        if field.name not in without
    }


def held(name: str, value: Any) -> Any:
    """What stands in a row for the value of the field `name`."""
    match value:
        case AnyValue():
            return any_value(value)
        case Message():
            return fields(value)
        case bytes():
            return value.hex() if name in IDS else value
        case str() | int() | float():
            return value
        case [KeyValue(), *_]:
            return attributes(value)
    return [held(name, element) for element in value]


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as a dict; the first of equal keys counts."""
    found: dict[str, Any] = {}
    for pair in pairs:
        found.setdefault(pair.key, any_value(pair.value))
    return found


def any_value(value: AnyValue) -> Any:
    """What an `AnyValue` holds."""
    match value.WhichOneof("value"):
        case None | "string_value_strindex":
            return None
        case "array_value":
            return [any_value(element) for element in value.array_value.values]
        case "kvlist_value":
            return attributes(value.kvlist_value.values)
        case member:
            return getattr(value, member)


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
def test_rows_are_the_items_with_what_their_parents_say(signal: str, data: st.DataObject) -> None:
    payload = data.draw(payloads(signal))
    found = Batch.from_otlp(signal, payload).rows()
    # As text, since NaN equals nothing, and True equals 1, which equals 1.0.
    assert repr(found) == repr([*expected_rows(signal, REQUESTS[signal].FromString(payload))])


def test_a_span_is_a_document() -> None:
    text = b"""{"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"schemaUrl": "https://example.org/1", "spans": [{
            "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708",
            "name": "GET /", "kind": 2, "startTimeUnixNano": "1700000000000000000",
            "attributes": [
                {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}, {}]}}},
                {"key": "list", "value": {"stringValue": "again"}},
                {"key": "raw", "value": {"bytesValue": "AAE="}}
            ],
            "events": [{"name": "e"}], "status": {}
        }]}]
    }]}"""
    assert Batch.from_json("traces", text).rows() == [
        {
            "resource": {"attributes": {"service.name": "shop"}},
            "scope": {},
            "scope_schema_url": "https://example.org/1",
            "trace_id": "0102030405060708090a0b0c0d0e0f10",
            "span_id": "0102030405060708",
            "name": "GET /",
            "kind": 2,
            "start_time_unix_nano": 1_700_000_000_000_000_000,
            "attributes": {"list": [1, None], "raw": b"\x00\x01"},
            "events": [{"name": "e"}],
            "status": {},
        }
    ]


def test_a_data_point_has_its_metric() -> None:
    text = b"""{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{
        "name": "requests", "unit": "1",
        "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
            {"asInt": "0", "attributes": [{"key": "code", "value": {"intValue": 200}}]},
            {"asDouble": 1.5}
        ]}
    }, {"name": "empty", "gauge": {}}, {"name": "none"}]}]}]}"""
    metric = {
        "name": "requests",
        "unit": "1",
        "type": "sum",
        "aggregation_temporality": 2,
        "is_monotonic": True,
    }
    parents = {"resource": {}, "scope": {}, "metric": metric}
    assert Batch.from_json("metrics", text).rows() == [
        {**parents, "attributes": {"code": 200}, "as_int": 0},
        {**parents, "as_double": 1.5},
    ]
