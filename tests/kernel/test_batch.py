"""Batches against the official protobuf library: what is accepted, cut, and found at a path."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline import Batch, MalformedPayload
from tests.kernel.messages import REQUESTS, SIGNALS, payloads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

signals = pytest.mark.parametrize("signal", SIGNALS)

GROUPS = {"traces": "resource_spans", "metrics": "resource_metrics", "logs": "resource_logs"}
SCOPES = {"traces": "scope_spans", "metrics": "scope_metrics", "logs": "scope_logs"}
ITEMS = {"traces": "spans", "metrics": "metrics", "logs": "log_records"}


def lists(signal: str, request: Message) -> Iterator[Any]:
    """The lists that hold the items of an official message, in order."""
    for group in getattr(request, GROUPS[signal]):
        for scope in getattr(group, SCOPES[signal]):
            if signal != "metrics":
                yield getattr(scope, ITEMS[signal])
                continue
            for metric in scope.metrics:
                data = metric.WhichOneof("data")
                yield getattr(metric, data).data_points if data else []


def count(signal: str, payload: bytes) -> int:
    return sum(map(len, lists(signal, REQUESTS[signal].FromString(payload))))


def without(signal: str, payload: bytes, keep: list[bool]) -> bytes:
    """What is left of a request when its items are filtered and empty parents removed."""
    request = REQUESTS[signal].FromString(payload)
    wanted = iter(keep)
    for items in lists(signal, request):
        for position, kept in reversed(list(enumerate([next(wanted) for _ in items]))):
            if not kept:
                del items[position]
    for group in getattr(request, GROUPS[signal]):
        for scope in getattr(group, SCOPES[signal]):
            if signal == "metrics":
                remove(scope.metrics, lambda metric: not points(metric))
        remove(getattr(group, SCOPES[signal]), lambda scope: not getattr(scope, ITEMS[signal]))
    remove(getattr(request, GROUPS[signal]), lambda group: not getattr(group, SCOPES[signal]))
    return canonical(request)


def points(metric: Any) -> Any:
    data = metric.WhichOneof("data")
    return data and getattr(metric, data).data_points


def remove(items: Any, condition: Any) -> None:
    for position in reversed([i for i, item in enumerate(items) if condition(item)]):
        del items[position]


def canonical(request: Message) -> bytes:
    return request.SerializeToString(deterministic=True)


def draw_payload(data: st.DataObject, signal: str) -> tuple[bytes, Batch]:
    payload = data.draw(payloads(signal))
    return payload, Batch.from_otlp(signal, payload)


@signals
@given(data=st.data())
def test_untouched_bytes_come_out_as_they_came_in(signal: str, data: st.DataObject) -> None:
    payload, batch = draw_payload(data, signal)
    assert batch.to_otlp() == payload
    assert len(batch) == count(signal, payload)
    assert batch.nbytes == len(payload)


@signals
@given(data=st.data())
def test_damaged_bytes_are_refused_exactly_where_the_official_parser_refuses(
    signal: str, data: st.DataObject
) -> None:
    damaged = bytearray(data.draw(payloads(signal)))
    for _ in range(data.draw(st.integers(1, 3))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(0, len(damaged))) if data.draw(st.booleans()) else 10**9 :]
    payload = bytes(damaged)
    try:
        expected: int | None = count(signal, payload)
    except DecodeError:
        expected = None
    if expected is None:
        with pytest.raises(MalformedPayload) as fault:
            Batch.from_otlp(signal, payload)
        assert 0 <= fault.value.offset <= len(payload)
    else:
        assert len(Batch.from_otlp(signal, payload)) == expected


@signals
@given(data=st.data())
def test_keep_leaves_what_filtering_the_official_message_leaves(
    signal: str, data: st.DataObject
) -> None:
    payload, batch = draw_payload(data, signal)
    keep = data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch)))
    kept = batch.keep(np.array(keep, dtype=np.bool_))
    if not any(keep):
        assert kept is None
    elif all(keep):
        assert kept is not None
        assert kept.to_otlp() == payload
    else:
        assert kept is not None
        left = REQUESTS[signal].FromString(kept.to_otlp())
        assert canonical(left) == without(signal, payload, keep)
        expected = [row for row, wanted in zip(batch.rows(), keep, strict=True) if wanted]
        assert same(kept.rows(), expected)


@signals
@given(data=st.data())
def test_what_was_cut_is_indexed_like_what_is_read_anew(signal: str, data: st.DataObject) -> None:
    _, batch = draw_payload(data, signal)
    keep = data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch)))
    kept = batch.keep(np.array(keep, dtype=np.bool_))
    if kept is not None:
        again = Batch.from_otlp(signal, kept.to_otlp())
        for path in PATHS[signal]:
            assert same(kept.column(path).to_list(), again.column(path).to_list())


@signals
@given(data=st.data(), limit=st.integers(1, 4))
def test_split_by_items_shares_them_out_in_order(
    signal: str, data: st.DataObject, limit: int
) -> None:
    _, batch = draw_payload(data, signal)
    parts = Batch.concat([batch, batch]).split(max_items=limit)
    assert all(len(part) <= limit for part in parts)
    assert [len(part) for part in parts[:-1]] == [limit] * (len(parts) - 1)
    assert same([row for part in parts for row in part.rows()], batch.rows() * 2)


@signals
@given(data=st.data(), limit=st.integers(1, 400))
def test_split_by_bytes_keeps_to_them_unless_one_item_is_larger(
    signal: str, data: st.DataObject, limit: int
) -> None:
    _, batch = draw_payload(data, signal)
    parts = batch.split(max_bytes=limit)
    assert all(part.nbytes <= limit or len(part) == 1 for part in parts if len(part))
    assert same([row for part in parts for row in part.rows()], batch.rows())


@signals
@given(data=st.data())
def test_partition_gives_each_code_its_items(signal: str, data: st.DataObject) -> None:
    _, batch = draw_payload(data, signal)
    codes = data.draw(st.lists(st.integers(0, 3), min_size=len(batch), max_size=len(batch)))
    parts = dict(batch.partition(np.array(codes, dtype=np.uint32)))
    assert list(parts) == list(dict.fromkeys(codes))
    rows = batch.rows()
    for code, part in parts.items():
        own = [row for row, mine in zip(rows, codes, strict=True) if mine == code]
        assert same(part.rows(), own)


METRIC_TYPES = ["gauge", "sum", "histogram", "exponential_histogram", "summary"]
PATHS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "traces": {
        "span.name": lambda row: row.get("name", ""),
        "span.kind": lambda row: row.get("kind", 0),
        "span.trace_id": lambda row: row.get("trace_id", ""),
        "span.status.code": lambda row: row.get("status", {}).get("code", 0),
        "span.events": lambda row: row.get("events", []),
        'span.attributes["a"]': lambda row: row.get("attributes", {}).get("a"),
        'resource.attributes["a"]': lambda row: row["resource"].get("attributes", {}).get("a"),
        "resource.schema_url": lambda row: row.get("resource_schema_url", ""),
        "scope.name": lambda row: row["scope"].get("name", ""),
    },
    "metrics": {
        "metric.name": lambda row: row["metric"].get("name", ""),
        "metric.unit": lambda row: row["metric"].get("unit", ""),
        "metric.type": lambda row: 1 + METRIC_TYPES.index(row["metric"]["type"]),
        'datapoint.attributes["a"]': lambda row: row.get("attributes", {}).get("a"),
        "scope.version": lambda row: row["scope"].get("version", ""),
    },
    "logs": {
        "log.severity_text": lambda row: row.get("severity_text", ""),
        "log.severity_number": lambda row: row.get("severity_number", 0),
        "log.body": lambda row: row.get("body"),
        "log.attributes": lambda row: row.get("attributes", {}),
        'log.attributes["a"]': lambda row: row.get("attributes", {}).get("a"),
        "scope.schema_url": lambda row: row.get("scope_schema_url", ""),
    },
}


def same(found: Any, expected: Any) -> bool:
    """Equality with types, in which NaN equals itself."""
    if isinstance(found, float) and isinstance(expected, float) and math.isnan(found):
        return math.isnan(expected)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[k], expected[k]) for k in found)
    return type(found) is type(expected) and bool(found == expected)


@signals
@given(data=st.data())
def test_columns_hold_what_the_rows_hold(signal: str, data: st.DataObject) -> None:
    _, batch = draw_payload(data, signal)
    batch = Batch.concat([batch, batch])
    rows = batch.rows()
    for path, value in PATHS[signal].items():
        column = batch.column(path)
        assert same(column.to_list(), [value(row) for row in rows]), path


@given(data=st.data())
def test_times_and_durations_are_whole_nanoseconds(data: st.DataObject) -> None:
    _, batch = draw_payload(data, "traces")
    start, end = (
        np.array([row.get(f"{name}_time_unix_nano", 0) for row in batch.rows()], dtype=np.uint64)
        for name in ("start", "end")
    )
    assert batch.numbers("span.start_time_unix_nano").tolist() == start.view(np.int64).tolist()
    assert batch.numbers("span.duration").tolist() == (end - start).view(np.int64).tolist()


@given(data=st.data())
def test_values_of_data_points_are_floats_whichever_way_they_are_written(
    data: st.DataObject,
) -> None:
    _, batch = draw_payload(data, "metrics")
    for found, row in zip(batch.numbers("datapoint.value").tolist(), batch.rows(), strict=True):
        expected = float(row.get("as_int", row.get("as_double", math.nan)))
        assert same(found, expected)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("span.nme", "is not a path of traces"),
        ("log.body", "begin with one of resource, scope, span"),
        ("span", "is not a path of traces"),
        ('span.attributes["a"', "is not a path"),
        ("span.attributes[a]", "is not a path"),
        ("", "does not begin with a name"),
        ("span..name", "is not a path"),
        ("span.name.x", "is not a path of traces"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path: str, reason: str) -> None:
    batch = Batch.from_otlp("traces", b"")
    with pytest.raises(ValueError, match=reason):
        batch.column(path)


def test_text_is_no_number() -> None:
    with pytest.raises(ValueError, match="does not hold numbers"):
        Batch.from_otlp("traces", b"").numbers("span.name")


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 mask values, found 1"):
        Batch.from_otlp("traces", b"").keep(np.array([True]))


def test_batches_of_different_signals_do_not_join() -> None:
    with pytest.raises(ValueError, match="traces and logs cannot be one batch"):
        Batch.concat([Batch.from_otlp("traces", b""), Batch.from_otlp("logs", b"")])
