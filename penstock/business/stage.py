"""A set of indicators as a stage: takes batches, and passes on numbers once an interval."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock.business.clocks import EventClock, WallClock
from penstock.business.commits import Commits
from penstock.business.engine import Engine
from penstock.business.state import State
from penstock.pipeline import Refused
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.graph import place
from penstock.pipeline.insist import pause
from penstock.pipeline.offering import Offering
from penstock.pipeline.storage import storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.business.engine import Told
    from penstock.business.settings import Settings
    from penstock.pipeline import Batch, Consume, Context
    from penstock.pipeline.telemetry.registry import Counter


class Indicating(Offering):
    """Computes indicators of what `_add` is given.

    With a storage, what was added is on disk when `_add` returns, and numbers that were not passed
    on are passed on after the next start.
    """

    def __init__(self, kind: str, settings: Settings, context: Context) -> None:
        super().__init__(context)
        self._settings = settings
        self._place = place(kind, context.id, context.pipeline)
        self._faults = FaultLog(context.logger)
        self._owner = f"{kind} {context.id}"
        if context.pipeline:
            self._owner += f" {context.pipeline}"
        self._storage = "" if context.recorded else settings.storage
        self._commits: Commits | None = None
        self._offered = 0
        self._turn = asyncio.Lock()
        clock = EventClock() if context.recorded else WallClock(settings.max_clock_skew)
        self._engine = Engine(
            settings, clock, self._faults, report=self._report, tracked=bool(self._storage)
        )
        self._observe()

    async def start(self, consume: Consume) -> None:
        """Pass numbers on to `consume`. Raises `StartError` where the storage cannot be had."""
        if self._storage:
            opened = storage(self._context, self._storage)
            store = await asyncio.to_thread(opened.open, self._owner)
            state = State(self._engine, self._context.logger)
            self._commits = Commits(store, state, self._context, self._faults)
            await self._commits.restore()
        await super().start(consume)

    @property
    def held(self) -> int:
        """Data points of indicators that are being passed on."""
        return self._offered

    async def _refuse_unstored(self) -> None:
        """Raise `Refused` while nothing can be stored."""
        if self._commits and self._commits.failed:
            await self._commits.commit()
            if self._commits.failed:
                msg = "what is added up cannot be stored"
                raise Refused(msg)

    async def _add(self, batch: Batch) -> None:
        """Add up what a batch has."""
        async with self._turn:
            self._engine.take(batch)
        if self._commits:
            await self._commits.commit()

    async def _run(self) -> None:
        while not self._stopping:
            await pause(self._due, self._interval)
            if not self._stopping:
                await self._tell(await self._computed(self._engine.due))
        end = self._engine.due if self._commits else self._engine.last
        await self._tell(await self._computed(end))
        if self._commits:
            await self._commits.close()

    async def _computed(self, work: Callable[[], Told]) -> Told:
        """Numbers of many keys take their time, in which others must get on."""
        async with self._turn:
            return await asyncio.to_thread(work)

    @property
    def _interval(self) -> float | None:
        """By the time of events, everything is told in the end."""
        return None if self._context.recorded else self._settings.interval

    async def _tell(self, told: Told) -> None:
        if told.batch:
            self._offered = len(told.batch)
            await self._offer(told.batch)
            self._offered = 0
        self._engine.forget()
        if self._commits:
            await self._commits.commit()

    def _left_out(self, indicator: str, reason: str) -> Counter:
        return self._context.telemetry.counter(
            "penstock_business_left_out_items",
            "Items that do not count for an indicator, or not under their own key, by reason.",
            component=self._place,
            indicator=indicator,
            reason=reason,
        )

    def _report(self, indicator: str, reason: str, items: int) -> None:
        self._left_out(indicator, reason).add(items)

    def _observe(self) -> None:
        for name, measure in self._engine.measures.items():
            self._left_out(name, "late")  # so that it begins with 0
            for number, (metric, says, unit) in enumerate(_SIZES):
                self._context.telemetry.gauge(
                    metric,
                    says,
                    lambda measure=measure, number=number: sum(  # type: ignore[misc]
                        it.size()[number] for it in measure.stores.values()
                    ),
                    unit,
                    component=self._place,
                    indicator=name,
                )


_SIZES = (
    ("penstock_business_keys", "Keys of an indicator that something is added up for.", "{key}"),
    ("penstock_business_memory", "Memory that an indicator takes for what it adds up.", "By"),
)
