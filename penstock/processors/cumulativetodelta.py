"""Make cumulative counts and histograms deltas: what came since the point before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from penstock.config.types import Duration
from penstock.pipeline import Batch, Processor, ProcessorConfig, Signal
from penstock.pipeline.series import NEVER, Differences
from penstock.processors._temporality import CUMULATIVE, Losses, Metrics, counting

if TYPE_CHECKING:
    from penstock.pipeline import Context

_MOST = 1_000_000
"""Series that are known at a time; each takes about 70 bytes, a histogram those of its buckets."""


class Config(ProcessorConfig):
    """Options of the Collector's `cumulativetodelta` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    include: Metrics | None = None
    """The metrics that are converted; all, if left out."""
    exclude: Metrics | None = None
    """The metrics, of those included, that stay as they are."""
    initial_value: Literal["auto", "keep", "drop"] = "auto"
    """What becomes of the first point of a series: `keep` takes it for a delta, `drop` drops it,
    `auto` keeps it if the series began after Penstock did, so that nothing was counted before."""
    max_staleness: Duration = Field(default=0.0, ge=0)
    """How long a series without points is remembered; 0 is forever."""

    def build(self, context: Context) -> CumulativeToDelta:
        """The processor."""
        return CumulativeToDelta(self, context)


class CumulativeToDelta(Processor):
    """Converts monotonic sums and histograms. Sums that go up and down stay cumulative."""

    remembers = True

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._since = {"auto": time.time_ns(), "keep": 0, "drop": NEVER}[config.initial_value]
        self._differences = Differences(_MOST, ttl=config.max_staleness)
        self._losses = Losses(context)

    def process(self, batch: Batch) -> Batch | None:
        """The batch with deltas; points that are late or unusable are dropped and counted."""
        where = counting(batch, CUMULATIVE)
        if self._config.include:
            where &= self._config.include.where(batch)
        if self._config.exclude:
            where &= ~self._config.exclude.where(batch)
        if not where.any():
            return batch
        result, report = self._differences.apply(batch, where, self._since)
        self._losses.count(report)
        return result
