"""Add up the values of attributes of spans, span events, data points and log records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from penstock.connectors import _definitions as of
from penstock.connectors._measuring import Measure
from penstock.connectors._metering import TO_METRICS, Meter
from penstock.ottl.values import amount
from penstock.pipeline import ConnectorConfig, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.connectors._definitions import Kind
    from penstock.connectors._measuring import Items, Number
    from penstock.ottl import Reporter
    from penstock.pipeline import Context


class Config(ConnectorConfig):
    """Options of the Collector's `sum` connector."""

    converts: ClassVar[dict[Signal, frozenset[Signal]]] = TO_METRICS

    spans: Mapping[of.MetricName, of.Summed[of.SpanCondition]] = Field(default={})
    """Metrics that add up attributes of spans, by name."""
    spanevents: Mapping[of.MetricName, of.Summed[of.EventCondition]] = Field(default={})
    """Metrics that add up attributes of span events."""
    datapoints: Mapping[of.MetricName, of.Summed[of.PointCondition]] = Field(default={})
    """Metrics that add up attributes of data points."""
    logs: Mapping[of.MetricName, of.Summed[of.RecordCondition]] = Field(default={})
    """Metrics that add up attributes of log records."""

    not_here: ClassVar[Mapping[str, str]] = {
        "metrics": "metrics have no attributes to add up; use `datapoints`",
        "profiles": "profiles are not carried",
    }

    def build(self, context: Context) -> Sum:
        """The connector."""
        return Sum(self, context)


class Sum(Meter):
    """Adds up what every batch has."""

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__("penstock/connectors/sum", context)
        self._sources: dict[Measure, str] = {}
        self._measures: dict[Kind, list[Measure]] = {}
        for option, metrics in config:
            kind = of.KINDS[option]
            found = {Measure(name, each, kind): each for name, each in metrics.items()}
            self._measures[kind] = list(found)
            self._sources |= {measure: each.source_attribute for measure, each in found.items()}

    def measures(self, signal: Signal) -> Iterator[tuple[Kind, list[Measure]]]:
        """The metrics that add up something of a signal."""
        yield from (found for found in self._measures.items() if found[0].signal is signal)

    def numbers(self, measure: Measure, items: Items, reporter: Reporter) -> Iterator[Number]:
        """What the values of the source come to."""
        column = items.attribute("item", self._sources[measure])
        amounts = np.array([amount(value) for value in column.values], dtype=np.float64)
        return measure.numbers(items, reporter, amounts[column.codes])
