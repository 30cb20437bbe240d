"""Pass on the last point of each series once an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from penstock.config.types import Duration, Section
from penstock.pipeline import Batch, ProcessorConfig, Signal
from penstock.pipeline.steps import dropped
from penstock.processors._windowed import Windowed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask

_MOST_BYTES = 64 << 20
"""Bytes of last points from which they are passed on before the interval is over."""

_FEW = 1_000
"""Points up to which it is not worth while to look for those that others have replaced."""

_GAUGE, _SUM, _SUMMARY = 1, 2, 5
"""Numbers in `metric.type`."""

_CUMULATIVE = 2
"""`AGGREGATION_TEMPORALITY_CUMULATIVE`."""


class PassThrough(Section):
    """What is passed on at once, each point of it."""

    gauge: bool = False
    """Whether gauges are."""
    summary: bool = False
    """Whether summaries are."""


class Config(ProcessorConfig):
    """Options of the Collector's `interval` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    interval: Duration = Field(default=60.0, gt=0)
    """How often the last points are passed on."""
    pass_through: PassThrough = PassThrough()
    """What is passed on at once, each point of it."""

    def build(self, context: Context) -> Interval:
        """The processor."""
        return Interval(self, context)


class Window:
    """The last point of each series in an interval."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._distinct = 0
        self._held = 0
        self.nbytes = 0

    def __len__(self) -> int:
        return self._held

    def add(self, batch: Batch) -> int:
        """Take points; how many others are not held any more since there is a newer one is
        returned. They may stay for a while, until it is worth while to look for them."""
        self._batches.append(batch)
        self._held += len(batch)
        self.nbytes += batch.nbytes
        return self.tidy() if self._held > 2 * self._distinct + _FEW else 0

    def tidy(self) -> int:
        """Leave the newest point of each series, and of several from one time the first."""
        before = self._held
        if before:
            batch = self.batch()
            times = batch.numbers("datapoint.time_unix_nano")
            left = batch.keep(_newest(batch.series_ids(), times))
            assert left is not None
            self._batches = [left.compact()]
            self._distinct = self._held = len(left)
            self.nbytes = self._batches[0].nbytes
        return before - self._held

    def batch(self) -> Batch:
        """All that is held."""
        return Batch.concat(self._batches)


def _newest(series: NDArray[Any], times: NDArray[np.int64]) -> Mask:
    """The newest point of each series: a mask."""
    order = np.lexsort((-np.arange(len(times)), times, series["check"], series["id"]))
    ordered = series[order]
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    kept = np.zeros(len(order), dtype=np.bool_)
    kept[order[last]] = True
    return kept


class Interval(Windowed[Window]):
    """Holds the last point of each series, and passes them on once an interval."""

    may_wait = True

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__(context, Window, interval=config.interval, most_bytes=_MOST_BYTES)
        self._config = config
        self._replaced = dropped(context, "replaced")

    async def consume(self, batch: Batch) -> None:
        """Hold what waits for the interval, and pass on the rest. Raises `Refused` or `Invalid`."""
        self._refuse_without_room()
        waits = self._waits(batch)
        rest = batch.keep(~waits)
        if rest:
            await self._consume(rest)
        held = batch.keep(waits)
        if held:
            self._hold(held)

    def _hold(self, batch: Batch) -> None:
        self._replaced.add(self._window.add(batch))
        if self._is_full:
            self._replaced.add(self._window.tidy())
            if self._window.nbytes >= _MOST_BYTES // 2:
                self._due.set()

    def _waits(self, batch: Batch) -> Mask:
        """What is replaced by a newer point without loss of what both have in common."""
        types = batch.column("metric.type")
        cumulative = batch.column("metric.aggregation_temporality") == _CUMULATIVE
        monotonic = batch.column("metric.is_monotonic") == True  # noqa: E712  (a column)
        passed = self._config.pass_through
        gauges = (types == _GAUGE) & (not passed.gauge)
        summaries = (types == _SUMMARY) & (not passed.summary)
        return gauges | summaries | (cumulative & (monotonic | (types != _SUM)))

    def _result(self, window: Window) -> Batch:
        self._replaced.add(window.tidy())
        return window.batch()
