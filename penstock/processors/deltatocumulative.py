"""Make deltas cumulative: what a series has come to since it began."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from penstock.config.types import Duration
from penstock.pipeline import Batch, Processor, ProcessorConfig, Signal
from penstock.pipeline.series import Totals
from penstock.processors._temporality import DELTA, Losses

if TYPE_CHECKING:
    from penstock.pipeline import Context


class Config(ProcessorConfig):
    """Options of the Collector's `deltatocumulative` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    max_stale: Duration = Field(default=300.0, gt=0)
    """How long a series without points is remembered; after that it begins anew."""
    max_streams: int = Field(default=1_000_000, ge=1)
    """Series that are remembered. Points of more are dropped and counted."""

    def build(self, context: Context) -> DeltaToCumulative:
        """The processor."""
        return DeltaToCumulative(self, context)


class DeltaToCumulative(Processor):
    """Adds up the deltas of sums and histograms, whatever stands between them in time."""

    remembers = True

    def __init__(self, config: Config, context: Context) -> None:
        self._totals = Totals(config.max_streams, ttl=config.max_stale)
        self._losses = Losses(context)

    def process(self, batch: Batch) -> Batch | None:
        """The batch with totals; points that are late or unusable are dropped and counted."""
        where = batch.column("metric.aggregation_temporality") == DELTA
        if not where.any():
            return batch
        result, report = self._totals.apply(batch, where)
        self._losses.count(report)
        return result
