"""Stages that hold what comes in an interval, and pass on what it came to."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from penstock.pipeline import Batch, Refused
from penstock.pipeline.insist import pause
from penstock.pipeline.offering import Offering

if TYPE_CHECKING:
    from penstock.pipeline import Context


class Window(Protocol):
    """What is held of an interval; `len` counts items."""

    nbytes: int
    """Bytes of it."""

    def __len__(self) -> int: ...


W = TypeVar("W", bound=Window)


class Windowed(Offering, Generic[W]):
    """Holds a window, and passes its result on once an interval.

    While the next stage refuses, it is offered the last interval's again, and the next one's are
    held meanwhile, as long as there is room for them.
    """

    def __init__(
        self, context: Context, window: type[W], *, interval: float, most_bytes: int
    ) -> None:
        super().__init__(context)
        self._new_window = window
        self._window = window()
        self._interval = interval
        self._most_bytes = most_bytes
        self._offered = 0

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

    async def _run(self) -> None:
        while len(self._window) or not self._stopping:
            await pause(self._due, self._interval)
            self._due.clear()
            if len(self._window):
                await self._offer(self._take())
                self._offered = 0

    def _take(self) -> Batch:
        window, self._window = self._window, self._new_window()
        batch = self._result(window)
        self._offered = len(batch)
        return batch
