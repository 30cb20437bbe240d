"""For whoever cannot give a batch back: offer it until it is taken."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

from penstock.pipeline.errors import Invalid, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline.batch import Batch
    from penstock.pipeline.component import Consume
    from penstock.pipeline.faults import FaultLog
    from penstock.pipeline.line import Line
    from penstock.pipeline.telemetry.registry import Counter


class Insister:
    """Offers batches again and again, at the times that are asked for.

    One that no stage will ever take is dropped: counted by `invalid`, and logged in `faults`.
    """

    def __init__(
        self,
        invalid: Counter,
        faults: FaultLog,
        refused: Callable[[Refused], None] = lambda _: None,
        line: Line | None = None,
    ) -> None:
        """`refused` is told of every refusal. What was refused waits in `line`, or else each batch
        on its own."""
        self._invalid = invalid
        self._faults = faults
        self._refused = refused
        self._line = line
        self._hurried = line.hurried if line else asyncio.Event()

    async def offer(self, consume: Consume, batch: Batch) -> bool:
        """Whether `batch` was taken; returns when it was, or never will be."""
        try:
            await self._insist(consume, batch)
        except Invalid as fault:
            self._invalid.add(len(batch))
            self._faults.report("Dropped, since no stage will take it", len(batch), fault)
            return False
        return True

    def hurry(self) -> None:
        """Offer what waits again now."""
        self._hurried.set()

    async def _insist(self, consume: Consume, batch: Batch) -> None:
        wait = await self._attempt(consume, batch)
        if wait is None:
            return
        async with self._line.turn(batch) if self._line else nullcontext() as is_behind:
            if is_behind:  # what was before it has just been taken
                wait = await self._attempt(consume, batch)
            while wait is not None:
                self._hurried.clear()
                await pause(self._hurried, wait)
                wait = await self._attempt(consume, batch)

    async def _attempt(self, consume: Consume, batch: Batch) -> float | None:
        """In how many seconds to try again; `None` where `batch` was taken."""
        try:
            await consume(batch)
        except Refused as refusal:
            self._refused(refusal)
            return refusal.retry_after
        return None


async def pause(hurried: asyncio.Event, seconds: float | None) -> None:
    """Return when so many seconds have passed, if there is a number, or `hurried` is set."""
    try:
        async with asyncio.timeout(seconds):
            await hurried.wait()
    except TimeoutError:
        pass
