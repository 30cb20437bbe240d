"""The order in which batches of a receiver go on, also when some of them were refused."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from penstock.pipeline.batch import Signal
from penstock.pipeline.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.pipeline.batch import Batch


class Line:
    """Batches that were refused and are offered again, first come, first served.

    While one waits, whatever comes later of its signal is refused before it gets anywhere.
    """

    def __init__(self) -> None:
        self.hurried = asyncio.Event()
        """Set when it makes sense to offer again what waits."""
        self._turns = {signal: asyncio.Lock() for signal in Signal}
        self._waiting = dict.fromkeys(Signal, 0)
        self._first: dict[Signal, Batch] = {}
        self._reasons: dict[Signal, tuple[str, float]] = {}

    @asynccontextmanager
    async def turn(self, batch: Batch) -> AsyncIterator[bool]:
        """Wait until `batch` is the first, as long as this context lasts. Gives whether others were
        before it."""
        signal = batch.signal
        is_behind = self._waiting[signal] > 0
        self._waiting[signal] += 1
        try:
            async with self._turns[signal]:
                self._first[signal] = batch
                try:
                    yield is_behind
                finally:
                    del self._first[signal]
        finally:
            self._waiting[signal] -= 1

    def is_first(self, batch: Batch) -> bool:
        """Whether it is the turn of `batch`, which has waited for it."""
        return self._first.get(batch.signal) is batch

    def note(self, batch: Batch, refusal: Refused) -> None:
        """`batch` was refused."""
        # Not the error itself, whose frames hold batches.
        self._reasons[batch.signal] = str(refusal), refusal.retry_after

    def check(self, batch: Batch) -> None:
        """Raises `Refused`, as what waits was, where something that came before `batch` does."""
        if self._waiting[batch.signal]:
            self.hurried.set()
            raise Refused(*self._reasons[batch.signal])
