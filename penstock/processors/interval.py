"""Pass on the last point of each series once an interval."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from penstock.config.types import Duration, Section
from penstock.pipeline import Batch, Invalid, ProcessorConfig, Refused, Signal, Stage
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.insist import insist, pause
from penstock.pipeline.steps import dropped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Consume, Context
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
        self.held = 0
        self.nbytes = 0

    def add(self, batch: Batch) -> int:
        """Take points; how many others are not held any more since there is a newer one is
        returned. They may stay for a while, until it is worth while to look for them."""
        self._batches.append(batch)
        self.held += len(batch)
        self.nbytes += batch.nbytes
        return self.tidy() if self.held > 2 * self._distinct + _FEW else 0

    def tidy(self) -> int:
        """Leave the newest point of each series, and of several from one time the first."""
        before = self.held
        if before:
            batch = self.batch()
            times = batch.numbers("datapoint.time_unix_nano")
            left = batch.keep(_newest(batch.series_ids(), times))
            assert left is not None
            self._batches = [left.compact()]
            self._distinct = self.held = len(left)
            self.nbytes = self._batches[0].nbytes
        return before - self.held

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


class Interval(Stage):
    """Holds the last point of each series, and passes them on once an interval.

    While the next stage refuses, it is offered the last interval's again, and the next one's are
    held meanwhile, as long as there is room for them.
    """

    may_wait = True

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._window = Window()
        self._offered = 0
        self._due, self._hurried = asyncio.Event(), asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._replaced = dropped(context, "replaced")
        self._invalid = dropped(context, "invalid")
        self._faults = FaultLog(context.logger)

    @property
    def held(self) -> int:
        """Points of this interval, and those that are being offered."""
        return self._window.held + self._offered

    async def start(self, consume: Consume) -> None:
        """Pass points on to `consume` after every interval."""
        self._consume = consume
        self._task = self._context.tasks.create_task(self._run(), name=self._context.id)

    async def consume(self, batch: Batch) -> None:
        """Hold what waits for the interval, and pass on the rest. Raises `Refused` or `Invalid`."""
        if self._stopping or (self._offered and self._window.nbytes >= _MOST_BYTES):
            raise Refused("the service stops" if self._stopping else "the next stage is behind")
        waits = self._waits(batch)
        rest = batch.keep(~waits)
        if rest:
            await self._consume(rest)
        held = batch.keep(waits)
        if held:
            self._hold(held)

    async def stop(self) -> None:
        """Pass on what is held."""
        self._stopping = True
        self._due.set()
        self._hurried.set()
        if self._task:
            await asyncio.wait([self._task])

    def _hold(self, batch: Batch) -> None:
        self._replaced.add(self._window.add(batch))
        if self._window.nbytes >= _MOST_BYTES:
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

    async def _run(self) -> None:
        while self._window.held or not self._stopping:
            await pause(self._due, self._config.interval)
            self._due.clear()
            if self._window.held:
                await self._offer(self._take())

    def _take(self) -> Batch:
        self._replaced.add(self._window.tidy())
        window, self._window = self._window, Window()
        self._offered = window.held
        return window.batch()

    async def _offer(self, batch: Batch) -> None:
        try:
            await insist(self._consume, batch, self._hurried, lambda _: None)
        except Invalid as fault:
            self._invalid.add(len(batch))
            self._faults.report("Dropped, since no stage will take it", len(batch), fault)
        self._offered = 0
