"""Items in short to OTLP/JSON, and so to a batch."""

from __future__ import annotations

import json
import math
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from penstock.pipeline import Batch, Signal
from penstock.testing.items import KINDS, SEVERITIES, STATUSES, TEMPORALITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.testing.items import (
        Attributes,
        Event,
        Item,
        Link,
        LogItem,
        PointItem,
        Scope,
        SpanItem,
    )

_REQUESTS = {
    Signal.TRACES: ("resourceSpans", "scopeSpans", "spans"),
    Signal.METRICS: ("resourceMetrics", "scopeMetrics", "metrics"),
    Signal.LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
}


_SCALARS = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}


def batch_of(signal: Signal, items: Sequence[Item]) -> Batch:
    """A batch of the items; neighbours of the same resource and scope share them.

    Raises `MalformedPayload` for ids that are none.
    """
    resources, scopes, name = _REQUESTS[signal]
    request = {
        resources: [
            {
                "resource": {"attributes": _attributes(resource)},
                scopes: [
                    {"scope": _scope(scope), name: _members(signal, list(below))}
                    for scope, below in groupby(within, attrgetter("scope"))
                ],
            }
            for resource, within in groupby(items, attrgetter("resource"))
        ]
    }
    return Batch.from_json(signal, json.dumps(request).encode())


def _members(signal: Signal, items: list[Any]) -> list[dict[str, Any]]:
    if signal is Signal.METRICS:
        return [_metric(key, list(points)) for key, points in groupby(items, _identity)]
    write = _span if signal is Signal.TRACES else _record
    return [_clean(write(item)) for item in items]


def _span(item: SpanItem) -> dict[str, Any]:
    start, end = item.start, item.end
    if item.duration is not None:
        end = (start or 0) + item.duration if end is None else end
        start = end - item.duration
    return {
        "name": item.name,
        "kind": KINDS.index(item.kind) if item.kind else None,
        "status": _status(item),
        "startTimeUnixNano": start,
        "endTimeUnixNano": end,
        "traceId": item.trace_id,
        "spanId": item.span_id,
        "parentSpanId": item.parent_span_id,
        "traceState": item.trace_state,
        "attributes": _attributes(item.attributes),
        "events": [_event(event) for event in item.events or ()],
        "links": [_link(link) for link in item.links or ()],
    }


def _event(event: Event) -> dict[str, Any]:
    attributes = _attributes(event.attributes)
    return _clean({"name": event.name, "timeUnixNano": event.time, "attributes": attributes})


def _link(link: Link) -> dict[str, Any]:
    attributes = _attributes(link.attributes)
    return _clean({"traceId": link.trace_id, "spanId": link.span_id, "attributes": attributes})


def _status(item: SpanItem) -> dict[str, Any] | None:
    if item.status is None and item.status_message is None:
        return None
    code = STATUSES.index(item.status or "UNSET")
    return _clean({"code": code, "message": item.status_message})


def _record(item: LogItem) -> dict[str, Any]:
    return {
        "body": None if item.body is None else _value(item.body),
        "severityNumber": SEVERITIES[item.severity] if item.severity else None,
        "severityText": item.severity_text,
        "eventName": item.event_name,
        "timeUnixNano": item.time,
        "observedTimeUnixNano": item.observed_time,
        "traceId": item.trace_id,
        "spanId": item.span_id,
        "attributes": _attributes(item.attributes),
    }


def _identity(item: PointItem) -> tuple[Any, ...]:
    sum_ = item.temporality is not None or item.monotonic is not None
    kind = item.type or ("histogram" if item.bounds else "sum" if sum_ else "gauge")
    return item.metric, item.unit, item.description, kind, item.temporality, item.monotonic


def _metric(identity: tuple[Any, ...], points: list[PointItem]) -> dict[str, Any]:
    name, unit, description, kind, temporality, monotonic = identity
    data = {
        "dataPoints": [_clean(_point(point)) for point in points],
        "aggregationTemporality": TEMPORALITIES.index(temporality) if temporality else None,
        "isMonotonic": monotonic,
    }
    return _clean({"name": name, "unit": unit, "description": description, kind: _clean(data)})


def _point(item: PointItem) -> dict[str, Any]:
    number = "asInt" if isinstance(item.value, int) else "asDouble"
    return {
        number: item.value,
        "timeUnixNano": item.time,
        "startTimeUnixNano": item.start,
        "count": item.count,
        "sum": item.sum,
        "min": item.min,
        "max": item.max,
        "explicitBounds": item.bounds,
        "bucketCounts": item.bucket_counts,
        "attributes": _attributes(item.attributes),
    }


def _scope(scope: Scope | None) -> dict[str, Any]:
    if scope is None:
        return {}
    attributes = _attributes(scope.attributes)
    return _clean({"name": scope.name, "version": scope.version, "attributes": attributes})


def _attributes(attributes: Attributes | None) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(it)} for key, it in (attributes or {}).items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(it) for it in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {} if value is None else {_SCALARS[type(value)]: _scalar(value)}


def _scalar(value: Any) -> Any:
    # JSON has no infinity: protobuf's form of it writes the name.
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value


def _clean(found: dict[str, Any]) -> dict[str, Any]:
    return {name: it for name, it in found.items() if it is not None}
