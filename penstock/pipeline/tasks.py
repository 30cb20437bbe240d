"""Every task has an owner: one `TaskGroup` for all, and in it a door for each component."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextvars import Context as Variables

_LAST_MOMENT = 1.0
"""Seconds that a cancelled task has to end in."""


class ComponentTasks(asyncio.TaskGroup):
    """The tasks of one component, which run in the `TaskGroup` of the service.

    A task that crashes is reported with its component's id, so that the service can stop in order;
    in a bare `TaskGroup` it would cancel everything at once, and with it what is queued.
    """

    def __init__(
        self, id_: str, group: asyncio.TaskGroup, crashed: Callable[[str, Exception], None]
    ) -> None:
        super().__init__()
        self.id = id_
        self._group = group
        self._crashed = crashed
        self._running: set[asyncio.Task[Any]] = set()

    def create_task(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        context: Variables | None = None,
    ) -> asyncio.Task[Any]:
        """Run `coro` until it ends or the service does."""
        task = self._group.create_task(self._guard(coro), name=name or self.id, context=context)
        self._running.add(task)
        task.add_done_callback(partial(self._forget, coro))
        return task

    async def end(self) -> None:
        """Cancel what still runs, and wait a moment for it."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=_LAST_MOMENT)

    def _forget(
        self, coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any], task: asyncio.Task[Any]
    ) -> None:
        self._running.discard(task)
        coro.close()  # Python warns of one that was never awaited, since its task never began

    async def _guard(self, coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any]) -> Any:
        try:
            return await cast("Coroutine[Any, Any, Any]", coro)
        except Exception as error:  # noqa: BLE001  (the service stops in order, whatever it was)
            self._crashed(self.id, error)
