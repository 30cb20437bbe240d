"""Metrics as sorted texts, for comparing what two programs make of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )


def texts(
    requests: Iterable[ExportMetricsServiceRequest],
    attributes: Callable[[Any], dict[str, str]],
    of_point: Callable[[Any], list[Any]],
) -> list[str]:
    """Every point with what it is of; `attributes` and `of_point` say what counts of those."""
    return sorted(
        repr((attributes(of_resource.resource), *_about(metric), *of_point(point)))
        for each in requests
        for of_resource in each.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
        for point in getattr(metric, str(metric.WhichOneof("data"))).data_points
    )


def _about(metric: Any) -> tuple[Any, ...]:
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    said = [getattr(data, name, 0) for name in ("aggregation_temporality", "is_monotonic")]
    return metric.name, metric.unit, metric.description, kind, *said
