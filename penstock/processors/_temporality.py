"""Which metrics are meant, which of their points count up, and how many points were dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from penstock.config.regexps import compiled
from penstock.config.types import Section
from penstock.pipeline.steps import dropped
from penstock.processors._patterns import AnyOf

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Context
    from penstock.pipeline.batch import Mask
    from penstock.pipeline.series import Report

DELTA, CUMULATIVE = 1, 2
"""Numbers of OTLP's `AggregationTemporality`."""

MetricType = Literal["sum", "histogram", "exponential_histogram"]

_TYPES = {"sum": 2, "histogram": 3, "exponential_histogram": 4}
"""Numbers of OTTL's `METRIC_DATA_TYPE_…`."""

LOSSES = ("late", "full", "unusable")
"""Why points are dropped, as `Report` has it."""


class Metrics(Section):
    """Some metrics, by name and type."""

    metrics: tuple[str, ...] = ()
    """Their names, or with `regexp` patterns found in them. Without any, all names are meant."""
    match_type: Literal["strict", "regexp"] | None = None
    """What `metrics` has: names or patterns."""
    metric_types: tuple[MetricType, ...] = ()
    """Their types. Without any, all types are meant."""

    @model_validator(mode="after")
    def _can_match(self) -> Self:
        if self.metrics and self.match_type is None:
            msg = "`metrics` needs a `match_type`: strict or regexp"
            raise ValueError(msg)
        if self.match_type == "regexp":
            for pattern in self.metrics:
                compiled(pattern)
        return self

    def where(self, batch: Batch) -> Mask:
        """A mask of the points of these metrics."""
        types = [_TYPES[name] for name in self.metric_types or _TYPES]
        of_type = batch.column("metric.type").isin(types)
        names = batch.column("metric.name")
        if not self.metrics:
            return of_type
        if self.match_type == "strict":
            return of_type & names.isin(self.metrics)
        found = AnyOf(self.metrics)(names.values)
        return of_type & names.where(dict(zip(names.values, found, strict=True)).__getitem__)


def counting(batch: Batch, temporality: int) -> Mask:
    """A mask of the points of that temporality that only grow: of monotonic sums and histograms."""
    is_sum = batch.column("metric.type") == _TYPES["sum"]
    grows = ~is_sum | (batch.column("metric.is_monotonic") == True)  # noqa: E712  (a mask)
    return grows & (batch.column("metric.aggregation_temporality") == temporality)


class Losses:
    """Counts the points that a verb on series dropped."""

    def __init__(self, context: Context) -> None:
        self.counters = {reason: dropped(context, reason) for reason in LOSSES}

    def count(self, report: Report) -> None:
        """Add what a report has."""
        for reason, counter in self.counters.items():
            counter.add(getattr(report, reason))
