"""Spans that tell of what spanmetrics looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

MILLISECOND = 1_000_000
BEGIN = 1_700_000_000_000_000_000

SPANS: list[tuple[str, int, int, float, dict[str, Any]]] = [
    ("GET /", 2, 0, 3.25, {"http.method": "GET", "http.status_code": 200}),
    ("GET /", 2, 0, 2, {"http.method": "GET", "http.status_code": 200}),
    ("GET /", 2, 2, 700.5, {"http.method": "GET", "http.status_code": 500}),
    ("pay", 3, 1, 20_000, {"db.system": "pg", "db.x.name": "orders"}),
    ("pay", 3, 1, 0, {"db.system": "pg", "db.x.name": "orders"}),
    ("pay", 5, 0, -4, {"db.y.name": "users", "k8s.pod.name": "a"}),
    ("", 0, 0, 1.5, {}),
]
"""Name, kind, status, milliseconds and attributes of the spans of every service."""


def put(message: Any, attributes: Mapping[str, Any]) -> None:
    """Add attributes to a message."""
    for key, value in attributes.items():
        kind = "int_value" if isinstance(value, int) else "string_value"
        setattr(message.attributes.add(key=key).value, kind, value)


def request(case: str = "") -> ExportTraceServiceRequest:
    """Spans of two services and of somebody without a name; resources name the case."""
    made = ExportTraceServiceRequest()
    for number, service in enumerate(("shop", "bank", None)):
        group = made.resource_spans.add()
        named = {"service.name": service} if service else {}
        put(group.resource, {"case": case, "process.pid": number, "region": "eu"} | named)
        for scope, version in (("express", "4.1"), ("pg", "")):
            spans = group.scope_spans.add(scope={"name": scope, "version": version}).spans
            for position, about in enumerate(SPANS):
                _add(spans.add(), number, position, *about)
    return made


def _add(
    span: Any,
    service: int,
    position: int,
    name: str,
    kind: int,
    status: int,
    milliseconds: float,
    attributes: Mapping[str, Any],
) -> None:
    span.name, span.kind, span.status.code = name, kind, status
    span.trace_id = bytes([1 + service]) * 16
    span.span_id = bytes([1 + position]) * 8
    span.start_time_unix_nano = BEGIN
    span.end_time_unix_nano = BEGIN + round(milliseconds * MILLISECOND)
    span.trace_state = "ot=th:8" if position == 1 else ""
    put(span, attributes)
    for event in range(position % 3):
        told = span.events.add(name="exception", time_unix_nano=BEGIN + event)
        put(told, {"exception.type": f"E{event}", "region": "of event"})
