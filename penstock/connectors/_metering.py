"""A connector that makes delta sums of whatever passes."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from penstock.connectors._deltas import Deltas
from penstock.connectors._measuring import Items
from penstock.ottl import ErrorMode, Reporter
from penstock.pipeline import Connector, Signal
from penstock.pipeline.faults import FaultLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.connectors._definitions import Kind
    from penstock.connectors._measuring import Measure, Number
    from penstock.pipeline import Batch, Consume, Context


TO_METRICS = dict.fromkeys(Signal, frozenset({Signal.METRICS}))
"""What a meter makes of every signal."""


class Meter(Connector):
    """Makes metrics of every batch at once: it holds nothing, and adds nothing up over time."""

    def __init__(self, scope: str, context: Context) -> None:
        self._scope = scope
        self._reporter = Reporter(ErrorMode.PROPAGATE, FaultLog(context.logger))

    @abstractmethod
    def measures(self, signal: Signal) -> Iterator[tuple[Kind, list[Measure]]]:
        """The metrics that are made of a signal, by the kind of their items."""

    @abstractmethod
    def numbers(self, measure: Measure, items: Items, reporter: Reporter) -> Iterator[Number]:
        """The data points of a metric. Raises `Invalid` where a condition fails."""

    async def start(self, consume: Consume) -> None:
        """Pass metrics on to `consume`."""
        self._consume = consume

    async def consume(self, batch: Batch) -> None:
        """Pass on what `batch` amounts to. Raises `Refused` or `Invalid`."""
        metrics = self._of(batch)
        if metrics is not None:
            await self._consume(metrics)

    async def stop(self) -> None:
        """There is nothing to pass on."""

    def _of(self, batch: Batch) -> Batch | None:
        deltas = Deltas(self._scope)
        for kind, measures in self.measures(batch.signal):
            items = Items(batch, kind)
            for measure in measures if len(items) else ():
                deltas.add(measure, items, list(self.numbers(measure, items, self._reporter)))
        return deltas.batch()
