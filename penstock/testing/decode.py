"""Batches in the words in which a test writes items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.pipeline import Signal
from penstock.testing.items import KINDS, SEVERITIES, STATUSES, TEMPORALITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.pipeline import Batch

_SEVERITY_NAMES = {number: name for name, number in reversed(SEVERITIES.items())}


def in_short(batch: Batch) -> list[dict[str, Any]]:
    """The items of a batch in those words, with everything that they have."""
    write = {Signal.TRACES: _span, Signal.METRICS: _point, Signal.LOGS: _record}[batch.signal]
    return [_clean(_around(row) | write(row)) for row in batch.rows()]


def _around(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "attributes": row.get("attributes"),
        "resource": row["resource"].get("attributes"),
        "scope": _clean(row["scope"]),
    }


def _span(row: dict[str, Any]) -> dict[str, Any]:
    status = row.get("status", {})
    start, end = row.get("start_time_unix_nano", 0), row.get("end_time_unix_nano", 0)
    same = ("name", "trace_id", "span_id", "parent_span_id", "trace_state", "links")
    return {
        **{name: row.get(name) for name in same},
        "kind": _name(KINDS, row.get("kind", 0)),
        "status": _name(STATUSES, status.get("code", 0)),
        "status_message": status.get("message"),
        "start": start,
        "end": end,
        "duration": end - start,
        "events": [_event(event) for event in row.get("events", ())],
    }


def _event(event: dict[str, Any]) -> dict[str, Any]:
    return _clean({**event, "time": event.get("time_unix_nano")}, "time_unix_nano")


def _record(row: dict[str, Any]) -> dict[str, Any]:
    same = ("body", "severity_text", "event_name", "trace_id", "span_id")
    return {
        **{name: row.get(name) for name in same},
        "severity": _SEVERITY_NAMES.get(row.get("severity_number", 0)),
        "time": row.get("time_unix_nano"),
        "observed_time": row.get("observed_time_unix_nano"),
    }


def _point(row: dict[str, Any]) -> dict[str, Any]:
    metric = row["metric"]
    return {
        **{name: row.get(name) for name in ("count", "sum", "min", "max", "bucket_counts")},
        **{name: metric.get(name) for name in ("unit", "description", "type")},
        "metric": metric.get("name"),
        "temporality": _name(TEMPORALITIES, metric.get("aggregation_temporality", 0)),
        "monotonic": metric.get("is_monotonic"),
        "value": row.get("as_int", row.get("as_double")),
        "bounds": row.get("explicit_bounds"),
        "time": row.get("time_unix_nano"),
        "start": row.get("start_time_unix_nano"),
    }


def _name(names: Sequence[str], number: int) -> str | int:
    return names[number] if 0 <= number < len(names) else number


def _clean(found: dict[str, Any], *without: str) -> dict[str, Any]:
    return {name: it for name, it in found.items() if it is not None and name not in without}
