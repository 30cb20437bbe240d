"""Count spans, span events, metrics, data points and log records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from penstock.connectors import _definitions as of
from penstock.connectors._measuring import Measure
from penstock.connectors._metering import TO_METRICS, Meter
from penstock.pipeline import ConnectorConfig, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.connectors._definitions import Kind
    from penstock.connectors._measuring import Items, Number
    from penstock.ottl import Reporter
    from penstock.pipeline import Context

_LEVELS = ("item", "scope", "resource")


class Config(ConnectorConfig):
    """Options of the Collector's `count` connector."""

    converts: ClassVar[dict[Signal, frozenset[Signal]]] = TO_METRICS

    spans: Mapping[of.MetricName, of.Split[of.SpanCondition]] = Field(
        default={"trace.span.count": of.Split(description="The number of spans observed.")}
    )
    """Metrics that count spans, by name."""
    spanevents: Mapping[of.MetricName, of.Split[of.EventCondition]] = Field(
        default={
            "trace.span.event.count": of.Split(description="The number of span events observed.")
        }
    )
    """Metrics that count span events."""
    metrics: Mapping[of.MetricName, of.Plain[of.MetricCondition]] = Field(
        default={"metric.count": of.Plain(description="The number of metrics observed.")}
    )
    """Metrics that count metrics."""
    datapoints: Mapping[of.MetricName, of.Split[of.PointCondition]] = Field(
        default={
            "metric.datapoint.count": of.Split(description="The number of data points observed.")
        }
    )
    """Metrics that count data points."""
    logs: Mapping[of.MetricName, of.Split[of.RecordCondition]] = Field(
        default={"log.record.count": of.Split(description="The number of log records observed.")}
    )
    """Metrics that count log records."""

    not_here: ClassVar[Mapping[str, str]] = {"profiles": "profiles are not carried"}

    def build(self, context: Context) -> Count:
        """The connector."""
        return Count(self, context)


class Count(Meter):
    """Counts what every batch has."""

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__("penstock/connectors/count", context)
        self._measures = {
            kind: [
                Measure(name, each, kind, _LEVELS) for name, each in getattr(config, option).items()
            ]
            for option, kind in of.KINDS.items()
        }

    def measures(self, signal: Signal) -> Iterator[tuple[Kind, list[Measure]]]:
        """The metrics that count something of a signal."""
        yield from (found for found in self._measures.items() if found[0].signal is signal)

    def numbers(self, measure: Measure, items: Items, reporter: Reporter) -> Iterator[Number]:
        """How many there are."""
        return measure.numbers(items, reporter)
