"""One thread in which somebody's code runs, so that the event loop goes on whatever it does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to, and how long it took. An exit that it asked for is an error too."""

    value: Any = None
    error: BaseException | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    outcome: asyncio.Future[Outcome]


class Worker:
    """Makes one call after the other. What hangs cannot be ended: the worker stays `busy` then.

    Its thread does not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self.busy = False
        """Whether a call is under way."""

    def start(self) -> None:
        """Begin to make calls."""
        self._thread.start()

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Outcome:
        """Make a call. Who gives up waiting finds the worker `busy` until the call returns."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.busy = True
        self._calls.put(_Call(function, arguments, outcome))
        return await outcome

    def end(self) -> None:
        """End the thread, as soon as the call that is under way returns."""
        self._calls.put(None)

    def _run(self) -> None:
        while call := self._calls.get():
            outcome = _outcome(call.function, call.arguments)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                call.outcome.get_loop().call_soon_threadsafe(self._settle, call.outcome, outcome)
            del call, outcome  # or the last batch would be held until the next one comes

    def _settle(self, future: asyncio.Future[Outcome], outcome: Outcome) -> None:
        self.busy = False
        if not future.done():
            future.set_result(outcome)


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    # Knows nothing of who waits: an error holds this frame, and they would hold each other.
    begin = perf_counter()
    try:
        value = function(*arguments)
    except BaseException as error:  # noqa: BLE001  (`sys.exit()` must not end the thread)
        return Outcome(error=error, seconds=perf_counter() - begin)
    return Outcome(value, seconds=perf_counter() - begin)
