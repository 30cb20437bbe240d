"""What paths read, and what they take."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.ottl import Draft, Statement
from penstock.ottl.contexts import CONTEXTS, FIELDS
from penstock.ottl.errors import StatementError
from penstock.pipeline import Batch, Invalid, Signal
from tests.ottl.running import MAKE, after, attributes, holds, of_json

SPAN = {
    "name": "a",
    "kind": 2,
    "traceId": "00112233445566778899aabbccddeeff",
    "spanId": "0011223344556677",
    "traceState": "x=1,y=2",
    "startTimeUnixNano": "1700000000000000000",
    "endTimeUnixNano": "1700000001500000000",
    "status": {"code": 2, "message": "broken"},
}


def span() -> Batch:
    return of_json(Signal.TRACES, SPAN)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("span.kind", 2),
        ("span.kind.string", "Server"),
        ("span.kind.deprecated_string", "SPAN_KIND_SERVER"),
        ("span.trace_id.string", "00112233445566778899aabbccddeeff"),
        ("span.parent_span_id.string", ""),
        ("String(span.span_id)", "0011223344556677"),
        ("span.parent_span_id", b"\0" * 8),
        ('span.trace_state["y"]', "2"),
        ('span.trace_state["z"]', None),
        ("span.status.message", "broken"),
        ("span.status", {"code": 2, "message": "broken"}),
        ("UnixMilli(span.start_time)", 1_700_000_000_000),
        ("span.end_time_unix_nano", 1_700_000_001_500_000_000),
        ("Seconds(span.end_time - span.start_time)", 1.5),
        ("instrumentation_scope.name", ""),
        ("resource.dropped_attributes_count", 0),
        ("span.events", []),
    ],
)
def test_a_path_reads_what_the_collectors_reads(path: str, expected: Any) -> None:
    left = after(span(), f'set(span.attributes["r"], {path})')
    assert attributes(left)[0].get("r") == expected


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("set(span.kind, SPAN_KIND_CLIENT)", {"kind": 3}),
        ('set(span.kind.string, "Client")', {"kind": 3}),
        ("set(span.span_id, SpanID(0x0000000000000001))", {"span_id": "0000000000000001"}),
        ('set(span.span_id.string, "00000000000000AA")', {"span_id": "00000000000000aa"}),
        ('set(span.trace_state["y"], "3")', {"trace_state": "y=3,x=1"}),
        ('set(span.status, {"code": 1})', {"status": {"code": 1}}),
        ('set(span.status.message, "x")', {"status": {"code": 2, "message": "x"}}),
        ("set(span.start_time, Unix(1))", {"start_time_unix_nano": 10**9}),
        ("set(span.end_time_unix_nano, 5)", {"end_time_unix_nano": 5}),
        ("set(span.flags, 1)", {"flags": 1}),
    ],
)
def test_a_path_takes_what_the_collectors_takes(statement: str, changed: dict[str, Any]) -> None:
    (row,) = after(span(), statement).rows()
    assert row == span().rows()[0] | changed


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ('set(span.kind.string, "Seller")', "it takes one of Unspecified, Internal"),
        ('set(span.span_id.string, "xyz")', "it takes 16 hex digits"),
        ("set(span.start_time, 1)", "it takes a time, found an int"),
        ("set(span.flags, -1)", "it takes 0 to 4294967295, found -1"),
        ('set(span.status, "OK")', "it takes a map, found a string"),
    ],
)
def test_what_a_field_cannot_hold_fails_the_item(statement: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        after(span(), statement)


def test_points_have_their_values_by_type() -> None:
    batch = of_json(
        Signal.METRICS,
        {"name": "g", "gauge": {"dataPoints": [{"asInt": "3"}, {"asDouble": 2.5}]}},
        {"name": "s", "sum": {"aggregationTemporality": 1, "dataPoints": [{"asInt": "1"}]}},
    )
    assert holds("datapoint.value_int == nil", batch) == [False, True, False]
    assert holds("metric.type == METRIC_DATA_TYPE_SUM", batch) == [False, False, True]
    left = after(
        batch,
        "set(datapoint.value_double, datapoint.value_int * 1.5) where datapoint.value_int != nil",
        "set(metric.is_monotonic, true) where metric.aggregation_temporality == 1",
    )
    assert left.column("datapoint.value_double").to_list() == [4.5, 2.5, 1.5]
    assert left.column("datapoint.value_int").to_list() == [None, None, None]
    assert left.column("metric.is_monotonic").to_list() == [None, None, True]


@pytest.mark.parametrize(
    ("signal", "context", "name"),
    [
        (signal, context, name)
        for signal, contexts in CONTEXTS.items()
        for context in contexts
        for name in FIELDS[context]
    ],
)
def test_every_field_of_every_context_is_read(signal: Signal, context: str, name: str) -> None:
    statement = Statement.compile(f'set({context}.cache["r"], {context}.{name})', signal)
    draft = Draft(MAKE[signal](2))
    (value,) = statement._columns.values()
    column = value.column(draft.events if statement.of_events else draft)
    assert len(column) == (0 if statement.of_events else 2)


def test_what_is_derived_cannot_be_set() -> None:
    with pytest.raises(StatementError, match=r"column 5: `metric\.type` cannot be set"):
        Statement.compile("set(metric.type, 1)", Signal.METRICS)
