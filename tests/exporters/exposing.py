"""Metrics to expose, and what a scrape shows of them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from penstock.exporters._exposed import Exposed
from penstock.exporters.prometheus import Config
from penstock.pipeline import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

DELTA, CUMULATIVE = 1, 2
SECOND = 10**9


SHOP = {"service__name": "shop", "service__instance__id": "i1"}
"""What a resource says of itself, for `Metrics`."""


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def exposed(clock: Callable[[], float] | None = None, **options: Any) -> Exposed:
    """What an exporter of these options keeps."""
    config = Config.model_validate({"endpoint": "localhost:0", **options})
    return Exposed(
        config.origins,
        target="target_info",
        limit=config.max_series,
        expiration=config.metric_expiration,
        clock=clock or Clock(),
    )


def shown(exposed: Exposed, format_: str = "text", *, timestamps: bool = False) -> str:
    """A whole scrape, of text."""
    return scraped(exposed, format_, timestamps=timestamps).decode()


def scraped(
    exposed: Exposed,
    format_: str,
    escaping: str = "underscores",
    *,
    timestamps: bool = False,
    gzip: bool = False,
    piece: int = 1000,
) -> bytes:
    """A whole scrape."""
    scrape = exposed.kernel.scrape(format_, escaping, timestamps, gzip)
    return b"".join(iter(lambda: scrape.more(piece), b""))


def samples(exposed: Exposed, format_: str = "text") -> list[str]:
    """Its lines, without comments and the target's."""
    lines = shown(exposed, format_).splitlines()
    return [line for line in lines if not line.startswith(("#", "target_info"))]


def from_json(resource_metrics: list[dict[str, Any]]) -> Batch:
    """A batch from OTLP's JSON."""
    return Batch.from_json("metrics", json.dumps({"resourceMetrics": resource_metrics}).encode())


class Metrics:
    """A batch in the making."""

    def __init__(self, **resource: str) -> None:
        self._request = ExportMetricsServiceRequest()
        around = self._request.resource_metrics.add()
        for key, value in resource.items():
            attribute = around.resource.attributes.add(key=key.replace("__", "."))
            attribute.value.string_value = value
        self._scope = around.scope_metrics.add()

    def gauge(self, name: str, value: float, time: int = 1, **labels: str) -> Metrics:
        """Add a point of a gauge."""
        point = self._metric(name).gauge.data_points.add(time_unix_nano=time, as_double=value)
        return self._labelled(point, labels)

    def sum(
        self,
        name: str,
        value: float,
        time: int = 1,
        start: int = 0,
        temporality: Any = CUMULATIVE,
        *,
        monotonic: bool = True,
        **labels: str,
    ) -> Metrics:
        """Add a point of a sum."""
        data = self._metric(name).sum
        data.aggregation_temporality, data.is_monotonic = temporality, monotonic
        point = data.data_points.add(
            time_unix_nano=time, start_time_unix_nano=start, as_double=value
        )
        return self._labelled(point, labels)

    def histogram(
        self,
        name: str,
        counts: list[int],
        bounds: list[float],
        time: int = 1,
        start: int = 0,
        temporality: Any = CUMULATIVE,
        **said: Any,
    ) -> Metrics:
        """Add a point of a histogram."""
        data = self._metric(name).histogram
        data.aggregation_temporality = temporality
        data.data_points.add(
            time_unix_nano=time,
            start_time_unix_nano=start,
            bucket_counts=counts,
            explicit_bounds=bounds,
            **{"count": sum(counts), "sum": 1.5, **said},
        )
        return self

    def _metric(self, name: str) -> Metric:
        return self._scope.metrics.add(name=name)

    def _labelled(self, point: Any, labels: dict[str, str]) -> Metrics:
        for key, value in labels.items():
            point.attributes.add(key=key).value.string_value = value
        return self

    @property
    def metrics(self) -> Sequence[Metric]:
        """What was added so far, to be changed."""
        return self._scope.metrics

    @property
    def batch(self) -> Batch:
        """All of them."""
        return Batch.from_otlp("metrics", self._request.SerializeToString())


EXEMPLAR = {
    "traceId": "0102030405060708090a0b0c0d0e0f10",
    "spanId": "0102030405060708",
    "timeUnixNano": str(1_500_000_000_250_000_000),
}


def of_every_type() -> Batch:
    """A metric of every type."""
    times = {"startTimeUnixNano": str(SECOND), "timeUnixNano": str(1_500_000_001 * SECOND)}
    labels = [{"key": "http.route", "value": {"stringValue": "/"}}]
    number = {**times, "attributes": labels}
    histogram = {**number, "count": "6", "sum": 7.5, "bucketCounts": ["1", "2", "3"]}
    metrics = [
        {
            "name": "requests",
            "unit": "{request}",
            "description": 'Requests \\ "all"\nof them.',
            "sum": {
                "aggregationTemporality": CUMULATIVE,
                "isMonotonic": True,
                "dataPoints": [{**number, "asInt": "5", "exemplars": [{**EXEMPLAR, "asInt": "1"}]}],
            },
        },
        {"name": "ratio", "unit": "1", "gauge": {"dataPoints": [{**number, "asDouble": 0.25}]}},
        {
            "name": "latency",
            "unit": "s",
            "histogram": {
                "aggregationTemporality": CUMULATIVE,
                "dataPoints": [
                    {
                        **histogram,
                        "explicitBounds": [1, 2.5],
                        "exemplars": [
                            {**EXEMPLAR, "asDouble": 2.0},
                            {"asDouble": 99.0, "timeUnixNano": EXEMPLAR["timeUnixNano"]},
                        ],
                    }
                ],
            },
        },
        {
            "name": "native",
            "exponentialHistogram": {
                "aggregationTemporality": CUMULATIVE,
                "dataPoints": [
                    {
                        **number,
                        "count": "10",
                        "sum": 12.5,
                        "scale": 9,
                        "zeroCount": "1",
                        "positive": {"offset": 3, "bucketCounts": ["1", "2", "0", "0", "0"] * 2},
                        "negative": {"offset": -1, "bucketCounts": ["3"]},
                    }
                ],
            },
        },
        {
            "name": "quantiles",
            "summary": {
                "dataPoints": [
                    {
                        **number,
                        "count": "3",
                        "sum": 4.5,
                        "quantileValues": [{"quantile": 0.5, "value": 1.5}],
                    }
                ]
            },
        },
        {
            "name": "imported",
            "metadata": [{"key": "prometheus.type", "value": {"stringValue": "unknown"}}],
            "gauge": {"dataPoints": [{**number, "asInt": "-7"}]},
        },
    ]
    service = {"key": "service.name", "value": {"stringValue": "shop"}}
    scope = {"name": "lib", "version": "1.2", "attributes": [service]}
    return from_json(
        [
            {
                "resource": {"attributes": [service]},
                "scopeMetrics": [{"scope": scope, "metrics": metrics}],
            }
        ]
    )


def take(subject: Exposed, metrics: Metrics) -> dict[str, int]:
    """Show metrics; returns how many points were dropped, by fault."""
    return dict(asyncio.run(subject.take(metrics.batch)))
