"""What belongs together has the same hash: that of the Collector, where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from penstock.exporters._routing_keys import RoutingKey, hasher
from penstock.pipeline import Batch, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence


def spans() -> Batch:
    """Three resources: two of a service and one of none; traces 1 and 2 in each."""
    request = ExportTraceServiceRequest()
    for service, host in (("shop", 1), ("shop", 2), (None, 3)):
        resource = request.resource_spans.add()
        if service:
            _put(resource.resource, "service.name", service)
        _put(resource.resource, "host", host)
        scope = resource.scope_spans.add()
        _put(scope.scope, "team", "blue")
        for trace in (1, 2):
            span = scope.spans.add(
                trace_id=bytes([trace] * 16), name=f"GET {trace}", kind=Span.SPAN_KIND_SERVER
            )
            _put(span, "host", "of the span")
            if trace == 2:
                _put(span, "paid", True)
    return Batch.from_otlp(Signal.TRACES, request.SerializeToString())


def _put(place: Any, key: str, value: object) -> None:
    kinds = {str: "string_value", bool: "bool_value", int: "int_value", bytes: "bytes_value"}
    setattr(place.attributes.add(key=key).value, kinds[type(value)], value)


def hashed(batch: Batch, key: RoutingKey | None, *attributes: str) -> list[int]:
    found: list[int] = hasher(key, attributes, batch.signal)(batch).tolist()
    return found


def of(keys: Sequence[bytes]) -> list[int]:
    return [crc32(key) for key in keys]


@pytest.mark.parametrize("key", ["traceID", None])
def test_spans_belong_to_their_trace(key: RoutingKey | None) -> None:
    assert hashed(spans(), key) == of([b"\1" * 16, b"\2" * 16] * 3)


def test_items_belong_to_their_service_and_those_of_none_together() -> None:
    assert hashed(spans(), "service") == of([b"shop"] * 4 + [b""] * 2)


def test_items_of_a_resource_belong_together() -> None:
    found = hashed(spans(), "resource")
    assert [found[0], found[2], found[4]] == [found[1], found[3], found[5]]
    assert len(set(found)) == 3


def test_the_order_of_a_resources_attributes_says_nothing() -> None:
    def batch(*keys: str) -> Batch:
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        for key in keys:
            _put(resource.resource, key, key)
        resource.scope_spans.add().spans.add(name="a")
        return Batch.from_otlp(Signal.TRACES, request.SerializeToString())

    assert hashed(batch("a", "b"), "resource") == hashed(batch("b", "a"), "resource")


def test_attributes_are_written_as_the_collector_writes_them() -> None:
    names = ("host", "team", "paid", "span.kind", "span.name")
    found = hashed(spans(), "attributes", *names)
    assert found == of(
        [
            f"host={host}|team=blue|paid={paid}|span.kind=Server|span.name=GET {trace}|".encode()
            for host in (1, 2, 3)
            for trace, paid in ((1, ""), (2, "true"))
        ]
    )


def test_records_have_pseudo_attributes_too() -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(severity_text="ERROR")
    record.body.string_value = "it broke"
    _put(record, "raw", b"\0\1")
    batch = Batch.from_otlp(Signal.LOGS, request.SerializeToString())
    found = hashed(batch, "attributes", "log.severity", "log.body", "raw")
    assert found == of([b"log.severity=ERROR|log.body=it broke|raw=AAE=|"])


def test_records_without_a_trace_stay_together_and_go_to_anybody() -> None:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for trace in (b"", b"\1" * 16, b""):
        scope.log_records.add(trace_id=trace)
    batch = Batch.from_otlp(Signal.LOGS, request.SerializeToString())
    first, second, third = hashed(batch, None)
    assert first == third
    assert second == crc32(b"\1" * 16)
    assert len({hashed(batch, None)[0] for _ in range(20)}) > 1


def points() -> Batch:
    """Two points of each of two metrics, of different series but for the last."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    _put(resource.resource, "service.name", "shop")
    scope = resource.scope_metrics.add()
    for name in ("cpu", "memory"):
        metric = scope.metrics.add(name=name)
        for host in (1, 2) if name == "cpu" else (1, 1):
            _put(metric.gauge.data_points.add(as_int=1), "host", host)
    return Batch.from_otlp(Signal.METRICS, request.SerializeToString())


def test_points_belong_to_their_service_unless_told_otherwise() -> None:
    assert hashed(points(), None) == of([b"shop"] * 4)


def test_points_may_belong_to_their_metric() -> None:
    assert hashed(points(), "metric") == of([b"cpu"] * 2 + [b"memory"] * 2)


def test_points_may_belong_to_their_series() -> None:
    found = hashed(points(), "streamID")
    assert found[2] == found[3]
    assert len(set(found)) == 3
    assert found == hashed(points(), "streamID")


def test_points_have_attributes_of_their_own() -> None:
    assert hashed(points(), "attributes", "host") == of([b"host=1|", b"host=2|", *[b"host=1|"] * 2])
