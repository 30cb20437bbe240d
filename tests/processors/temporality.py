"""Metrics of each type and temporality, and what comes of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from penstock.pipeline import Batch, Context, Signal
from penstock.pipeline.telemetry.registry import Telemetry

if TYPE_CHECKING:
    import asyncio

DELTA, CUMULATIVE = 1, 2


def context() -> Context:
    """A context for what creates no tasks."""
    return Context(
        id="temporality",
        signals=frozenset({Signal.METRICS}),
        logger=logging.getLogger("penstock.test"),
        telemetry=Telemetry(),
        tasks=cast("asyncio.TaskGroup", None),
        pipeline="metrics",
    )


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
