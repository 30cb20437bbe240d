"""Stages that hold what comes in an interval, and pass on what it came to."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from penstock.pipeline import Batch, Invalid, Refused, Stage
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.insist import insist, pause
from penstock.pipeline.steps import dropped

if TYPE_CHECKING:
    from penstock.pipeline import Consume, Context


class Window(Protocol):
    """What is held of an interval; `len` counts items."""

    nbytes: int
    """Bytes of it."""

    def __len__(self) -> int: ...


W = TypeVar("W", bound=Window)


class Windowed(Stage, Generic[W]):
    """Holds a window, and passes its result on once an interval.

    While the next stage refuses, it is offered the last interval's again, and the next one's are
    held meanwhile, as long as there is room for them.
    """

    def __init__(
        self, context: Context, window: type[W], *, interval: float, most_bytes: int
    ) -> None:
        self._context = context
        self._new_window = window
        self._window = window()
        self._interval = interval
        self._most_bytes = most_bytes
        self._offered = 0
        self._due, self._hurried = asyncio.Event(), asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._invalid = dropped(context, "invalid")
        self._faults = FaultLog(context.logger)

    @abstractmethod
    def _result(self, window: W) -> Batch:
        """What is passed on of a window that holds something, and that nothing more comes to."""

    @property
    def held(self) -> int:
        """Items of this interval, and those that are being offered."""
        return len(self._window) + self._offered

    @property
    def _is_full(self) -> bool:
        return self._window.nbytes >= self._most_bytes

    def _refuse_without_room(self) -> None:
        """Raises `Refused` where nothing more can be held."""
        if self._stopping or (self._offered and self._is_full):
            raise Refused("the service stops" if self._stopping else "the next stage is behind")

    async def start(self, consume: Consume) -> None:
        """Pass results on to `consume` after every interval."""
        self._consume = consume
        self._task = self._context.tasks.create_task(self._run(), name=self._context.id)

    async def stop(self) -> None:
        """Pass on what is held."""
        self._stopping = True
        self._due.set()
        self._hurried.set()
        if self._task:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while len(self._window) or not self._stopping:
            await pause(self._due, self._interval)
            self._due.clear()
            if len(self._window):
                await self._offer(self._take())

    def _take(self) -> Batch:
        window, self._window = self._window, self._new_window()
        batch = self._result(window)
        self._offered = len(batch)
        return batch

    async def _offer(self, batch: Batch) -> None:
        try:
            await insist(self._consume, batch, self._hurried, lambda _: None)
        except Invalid as fault:
            self._invalid.add(len(batch))
            self._faults.report("Dropped, since no stage will take it", len(batch), fault)
        self._offered = 0
