"""Batches whose senders cannot be told to try again: kept until the next stage takes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock.pipeline.faults import FaultLog
from penstock.pipeline.insist import Insister
from penstock.pipeline.telemetry.registry import Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline.batch import Batch
    from penstock.pipeline.component import Consume, Context
    from penstock.pipeline.errors import Refused
    from penstock.pipeline.telemetry.registry import Counter


class Custody:
    """What a receiver answers for: it has told senders that it is taken, or has no way to tell.

    `welcome` is called with False when the next stage refuses, and with True when it has taken
    everything: the receiver bounds what it takes over meanwhile.
    """

    def __init__(
        self,
        consume: Consume,
        context: Context,
        welcome: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self.items = 0
        """Items that the next stage has not taken."""
        self._consume = consume
        self._welcome = welcome
        self._emptied = asyncio.Event()
        self._tasks = context.tasks
        self._faults = FaultLog(context.logger)
        self._open_account(context)
        # Where the next stage may wait, one that waits would hold up those behind it.
        line = None if context.may_wait else context.line
        self._insister = Insister(self._dropped["invalid"], self._faults, self._note_refusal, line)

    def keep(self, batch: Batch, done: Callable[[], None]) -> None:
        """Take over `batch`, and call `done` when the next stage has taken it or never will."""
        self._taken.add(len(batch))
        self.items += len(batch)
        self._tasks.create_task(self._pass_on(batch, done))

    async def _pass_on(self, batch: Batch, done: Callable[[], None]) -> None:
        items = len(batch)
        try:
            if await self._insister.offer(self._consume, batch):
                self._passed.add(items)
        except asyncio.CancelledError:
            self._dropped["shutdown"].add(items)
            self._faults.report("Dropped, since the service stops", items, "no stage took it")
            raise
        finally:
            done()
            self.items -= items
            if not self.items:
                self._welcome(True)  # noqa: FBT003  (an answer to a question)
                self._emptied.set()

    async def end(self) -> None:
        """Offer everything again now; returns when all of it has been taken."""
        self._insister.hurry()
        while self.items:
            self._emptied.clear()
            await self._emptied.wait()

    def _note_refusal(self, refusal: Refused) -> None:
        self._welcome(False)  # noqa: FBT003  (an answer to a question)
        self._faults.report("Kept, since the next stage refuses", self.items, refusal)

    def _open_account(self, context: Context) -> None:
        def count(level: Level, what: str, meaning: str, **labels: str) -> Counter:
            name, counter = f"penstock_receiver_{what}_items", context.telemetry.counter
            return counter(name, meaning, "{item}", level, receiver=context.id, **labels)

        normal, basic = Level.NORMAL, Level.BASIC
        self._taken = count(normal, "taken_over", "Items whose senders were not kept waiting.")
        self._passed = count(normal, "passed_on", "Items taken over that the next stage took.")
        self._dropped = {
            reason: count(basic, "dropped", "Items taken over that no stage took.", reason=reason)
            for reason in ("invalid", "shutdown")
        }
        context.books.open(
            f"in custody of receiver {context.id}",
            {"taken over": self._taken},
            {"passed on": self._passed, "kept": lambda: self.items, **self._dropped},
        )
