"""Stages that hold items, and offer them to the next stage in a task of their own."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING

from penstock.pipeline.component import Stage
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.insist import Insister
from penstock.pipeline.steps import dropped

if TYPE_CHECKING:
    from penstock.pipeline.batch import Batch
    from penstock.pipeline.component import Consume, Context
    from penstock.pipeline.errors import Refused


class Offering(Stage):
    """Offers batches until they are taken, also when it is stopped."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._due = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        invalid, faults = dropped(context, "invalid"), FaultLog(context.logger)
        self._insister = Insister(invalid, faults, self._note_refusal)

    async def start(self, consume: Consume) -> None:
        """Pass batches on to `consume`."""
        self._consume = consume
        self._task = self._context.tasks.create_task(self._run(), name=self._context.id)

    async def stop(self) -> None:
        """Pass on what is held."""
        self._stopping = True
        self._due.set()
        self._insister.hurry()
        if self._task:
            await asyncio.wait([self._task])

    @abstractmethod
    async def _run(self) -> None:
        """Offer what is due, until it is stopping and nothing is held."""

    async def _offer(self, batch: Batch) -> bool:
        """Whether the next stage took it; returns when it did, or never will."""
        return await self._insister.offer(self._consume, batch)

    def _note_refusal(self, refusal: Refused) -> None:
        """The next stage refuses."""
