"""Make gauges of delta sums: how much came a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from penstock.pipeline import Batch, Processor, ProcessorConfig, Signal, points
from penstock.pipeline.faults import FaultLog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask

_SUM = 2
"""The number of sums in `metric.type`."""

_DELTA = 1
"""`AGGREGATION_TEMPORALITY_DELTA`."""


class Config(ProcessorConfig):
    """Options of the Collector's `deltatorate` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    metrics: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    """The names of the delta sums that become rates."""

    def build(self, context: Context) -> DeltaToRate:
        """The processor."""
        return DeltaToRate(self, context)


class DeltaToRate(Processor):
    """Divides deltas by the seconds that they are of."""

    def __init__(self, config: Config, context: Context) -> None:
        self._names = frozenset(config.metrics)
        self._faults = FaultLog(context.logger)

    def process(self, batch: Batch) -> Batch | None:
        """The batch with rates; `None` if no point has one, and there is no other."""
        named = batch.column("metric.name").where(self._names.__contains__)
        if not named.any():
            return batch
        deltas = named & _deltas(batch)
        if others := int((named & ~deltas).sum()):
            self._faults.report("Left as they are", others, "only delta sums have a rate")
        seconds = _seconds(batch)
        unknown = deltas & ~(seconds > 0)
        if unknown.any():
            reason = "without a start before their time, a rate is not known"
            self._faults.report("Dropped", int(unknown.sum()), reason)
        return _rates(batch, deltas, seconds).keep(~unknown)


def _deltas(batch: Batch) -> Mask:
    temporality = batch.column("metric.aggregation_temporality")
    return (batch.column("metric.type") == _SUM) & (temporality == _DELTA)


def _seconds(batch: Batch) -> NDArray[np.float64]:
    """How long each point is of; 0 where that is not known."""
    start = batch.numbers("datapoint.start_time_unix_nano")
    end = batch.numbers("datapoint.time_unix_nano")
    return np.where(start > 0, (end - start) / 1e9, 0.0)


def _rates(batch: Batch, where: Mask, seconds: NDArray[np.float64]) -> Batch:
    values = batch.numbers("datapoint.value")
    rates = np.divide(values, seconds, out=np.zeros_like(values), where=seconds > 0)
    return points.as_gauges(points.set_values(batch, rates, where), where)
