"""Metrics of each type and temporality, and what comes of them."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from penstock.pipeline import Batch

DELTA, CUMULATIVE = 1, 2


def metrics(now: int, temporality: int, *, start: int = 1, value: int = 3) -> Batch:
    """A point of each type: up is monotonic, level is not."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    times = {"time_unix_nano": now, "start_time_unix_nano": start}
    data: Any
    for name, monotonic in (("up", True), ("level", False)):
        data = scope.metrics.add(name=name).sum
        data.aggregation_temporality = temporality
        data.is_monotonic = monotonic
        data.data_points.add(as_int=value, **times)
    data = scope.metrics.add(name="latency").histogram
    data.aggregation_temporality = temporality
    data.data_points.add(count=value, bucket_counts=[value], **times)
    data = scope.metrics.add(name="size").exponential_histogram
    data.aggregation_temporality = temporality
    data.data_points.add(count=value, positive={"bucket_counts": [value]}, **times)
    scope.metrics.add(name="now").gauge.data_points.add(as_int=value, time_unix_nano=now)
    return Batch.from_otlp("metrics", request.SerializeToString())


def told(batch: Batch | None) -> dict[str, tuple[int, Any]]:
    """Temporality and value of each metric's point."""
    return {
        row["metric"]["name"]: (
            row["metric"].get("aggregation_temporality", 0),
            row.get("as_int", row.get("count")),
        )
        for row in (batch.rows() if batch else [])
    }
