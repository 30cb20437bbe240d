"""Jaeger as a back end: its process, its query API, and how it shows a span of OTLP's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.integration.program import Program, fetch, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue

    from tests.integration.peers import Peers

PORTS = (
    "JAEGER_OTLP_GRPC_PORT",
    "JAEGER_OTLP_HTTP_PORT",
    "JAEGER_QUERY_PORT",
    "JAEGER_ADMIN_PORT",
    "JAEGER_QUERY_GRPC_PORT",
    "JAEGER_COLLECTOR_HTTP_PORT",
    "JAEGER_COLLECTOR_GRPC_PORT",
)

Shown = dict[str, Any]
"""A span as Jaeger's API shows it, with tags as mappings and without the ids of its own."""


class Jaeger(Program):
    """A running Jaeger, with its storage in memory; `ports` are those of an earlier one."""

    def __init__(self, peers: Peers, folder: Path, ports: list[int] | None = None) -> None:
        self.ports = ports or free_ports(len(PORTS))
        env = {name: str(port) for name, port in zip(PORTS, self.ports, strict=True)}
        env |= {"OTEL_TRACES_SAMPLER": "always_off"}  # it would send traces of itself to port 4317
        super().__init__("jaeger", peers.command("jaeger", "run"), folder, env)
        self.grpc, self.http, self._query, self._admin = self.ports[:4]

    def ready(self) -> bool:
        """Whether it takes spans and answers questions."""
        return fetch(f"http://127.0.0.1:{self._admin}/") is not None

    def spans(self, service: str) -> list[Shown]:
        """Every span of a service, by id."""
        question = urlencode({"service": service, "limit": 100_000})
        page = fetch(f"http://127.0.0.1:{self._query}/api/traces?{question}")
        traces = json.loads(page)["data"] if page else []
        return _by_id(_shorten(trace, span) for trace in traces for span in trace["spans"])


def shown(request: Any) -> list[Shown]:
    """What Jaeger should show of the spans of an OTLP request, by id."""
    return _by_id(
        _show(resource.resource.attributes, scope.scope, span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )


def _by_id(spans: Iterable[Shown]) -> list[Shown]:
    return sorted(spans, key=lambda span: span["id"])


def _shorten(trace: Any, span: Any) -> Shown:
    process = trace["processes"][span["processID"]]
    return {
        "id": (span["traceID"], span["spanID"]),
        "name": span["operationName"],
        "start": span["startTime"],
        "duration": span["duration"],
        "references": [
            (reference["refType"], reference["traceID"], reference["spanID"])
            for reference in span["references"]
        ],
        "tags": _tags(span["tags"]),
        "logs": [(log["timestamp"], _tags(log["fields"])) for log in span["logs"]],
        "resource": {"service.name": process["serviceName"]} | _tags(process["tags"]),
    }


def _tags(tags: Any) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in tags}


def _show(resource: Iterable[KeyValue], scope: InstrumentationScope, span: Span) -> Shown:
    start = span.start_time_unix_nano // 1000
    return {
        "id": (span.trace_id.hex(), span.span_id.hex()),
        "name": span.name,
        "start": start,
        "duration": (span.end_time_unix_nano - span.start_time_unix_nano) // 1000,
        "references": list(_references(span)),
        "tags": {
            "otel.scope.name": scope.name,
            "otel.scope.version": scope.version,
            "span.kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
            **_status(span.status),
            **_attributes(span.attributes),
        },
        "logs": [
            (event.time_unix_nano // 1000, {"event": event.name, **_attributes(event.attributes)})
            for event in span.events
        ],
        "resource": _attributes(resource),
    }


def _references(span: Span) -> Iterator[tuple[str, str, str]]:
    if span.parent_span_id:
        yield "CHILD_OF", span.trace_id.hex(), span.parent_span_id.hex()
    for link in span.links:
        yield "FOLLOWS_FROM", link.trace_id.hex(), link.span_id.hex()


def _status(status: Status) -> dict[str, Any]:
    tags: dict[str, Any] = {}
    if status.code != Status.STATUS_CODE_UNSET:
        name = Status.StatusCode.Name(status.code)
        tags["otel.status_code"] = name.removeprefix("STATUS_CODE_")
    if status.code == Status.STATUS_CODE_ERROR:
        tags["error"] = True
    if status.message:
        tags["otel.status_description"] = status.message
    return tags


def _attributes(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> Any:
    if value.WhichOneof("value") == "array_value":
        elements = [_value(element) for element in value.array_value.values]
        return json.dumps(elements, separators=(",", ":"))
    return getattr(value, value.WhichOneof("value") or "string_value")
