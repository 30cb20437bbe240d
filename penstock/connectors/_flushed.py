"""Connectors that add up what comes, and pass on what it came to once an interval."""

from __future__ import annotations

import asyncio
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from penstock.config.types import Section
from penstock.pipeline import Batch, Connector, Refused
from penstock.pipeline.insist import pause
from penstock.pipeline.offering import Offering

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.pipeline import Context, Mask
    from penstock.pipeline.panes import Keys, Metric, Panes


COUNT = {"counts": 1}
"""What panes add up where there is nothing but a number of items."""

_NANOS = 1_000_000_000


class Exemplars(Section):
    """Spans as examples of what was counted."""

    enabled: bool = False
    """Whether data points have some."""
    max_per_data_point: int = Field(default=5, ge=1, le=100)
    """How many a data point has at most."""

    @property
    def most(self) -> int:
        """How many a data point has at most; 0 where there are to be none."""
        return self.max_per_data_point if self.enabled else 0


class Tally(NamedTuple):
    """A metric, and what is added up for it."""

    metric: Metric
    panes: Panes
    attributes: Mapping[str, Any] = MappingProxyType({})
    """What all its data points say."""


class Expiration(NamedTuple):
    """Seconds after which totals to which nothing came are forgotten; with 0 they are not."""

    series: float = 0
    resources: float = 0
    """Those of resources to none of whose series anything came."""


NEVER = Expiration()
"""Nothing is forgotten."""


class Flushed(Offering, Connector):
    """Adds up, and passes on the totals, or of deltas what an interval came to.

    While the next stage refuses, it is offered the last interval's again, and more is added up
    meanwhile; how much is bounded by the series that there may be.
    """

    def __init__(
        self,
        context: Context,
        interval: float,
        *,
        delta: bool = False,
        expiration: Expiration = NEVER,
    ) -> None:
        super().__init__(context)
        self._interval = interval
        self._delta = delta
        self._expiration = expiration
        self._tallies: list[Tally] = []
        self._since = time.time_ns()
        self._offered = 0
        self._show_series()

    @property
    def held(self) -> int:
        """Data points that are being offered."""
        return self._offered

    def _refuse_at_the_end(self) -> None:
        """Raises `Refused` when nothing is passed on any more."""
        if self._stopping:
            msg = "the service stops"
            raise Refused(msg)

    def _add(self, tally: Tally, keys: Keys, where: Mask | None, now: int, **more: Any) -> None:
        """Add up items that came at `now`; `more` is what `Panes.add` takes besides."""
        pane = self._since if self._delta else 0
        folded, _ = tally.panes.add(keys, now=now, where=where, panes=pane, **more)
        self._folded.add(folded)

    async def _run(self) -> None:
        ended = False
        while not ended:
            await pause(self._due, self._interval)
            self._due.clear()
            ended = self._stopping
            since, self._since = self._since, max(time.time_ns(), self._since + 1)
            batch = await asyncio.to_thread(self._written, since, self._since)
            if batch:
                await self._offer_points(batch)

    async def _offer_points(self, batch: Batch) -> None:
        self._offered = len(batch)
        await self._offer(batch)
        self._offered = 0

    def _written(self, since: int, now: int) -> Batch | None:
        written = [self._write(tally, since, now) for tally in self._tallies]
        there = [batch for batch in written if batch]
        return Batch.concat(there).compact() if there else None

    def _write(self, tally: Tally, since: int, now: int) -> Batch | None:
        batch = tally.panes.write(
            tally.metric,
            time=now,
            start_time=since if self._delta else None,
            last=now,
            attributes=tally.attributes,
        )
        if self._delta:
            tally.panes.drop(now)
        else:
            self._forget(tally.panes, now)
        return batch

    def _forget(self, panes: Panes, now: int) -> None:
        if self._expiration.series:
            panes.expire(now - round(self._expiration.series * _NANOS))
        if self._expiration.resources:
            panes.expire_resources(now - round(self._expiration.resources * _NANOS))

    def _show_series(self) -> None:
        telemetry, label = self._context.telemetry, self._context.id
        self._folded = telemetry.counter(
            "penstock_connector_folded_items",
            "Items of series that are too many, which are told of together.",
            connector=label,
        )
        telemetry.gauge(
            "penstock_connector_series",
            "Series that a connector keeps account of.",
            lambda: sum(tally.panes.size()[0] for tally in self._tallies),
            "{series}",
            connector=label,
        )
