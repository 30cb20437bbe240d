"""Puts an engine's state on disk before what was added to it is accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock.pipeline.storage import StorageError

if TYPE_CHECKING:
    from penstock.business.state import State
    from penstock.pipeline import Context
    from penstock.pipeline.faults import FaultLog
    from penstock.pipeline.storage import Store


class Commits:
    """One commit at a time; who waits while one is under way shares the next."""

    def __init__(self, store: Store, state: State, context: Context, faults: FaultLog) -> None:
        self._store = store
        self._state = state
        self._context = context
        self._faults = faults
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._unwritten: dict[bytes, bytes | None] = {}

    @property
    def failed(self) -> bool:
        """Whether the last commit failed: what it was to write goes with the next."""
        return bool(self._unwritten)

    async def restore(self) -> None:
        """Have the engine know what is stored."""
        records = await asyncio.to_thread(self._store.items)
        self._unwritten = self._state.restore(records)
        await self.commit()

    async def commit(self) -> None:
        """Return when all that was added before is on disk, or could not be put there."""
        if self._next is None:
            self._next = self._context.tasks.create_task(self._write())
        await asyncio.shield(self._next)

    async def close(self) -> None:
        """Give the store back."""
        await self.commit()
        await asyncio.to_thread(self._store.close)

    async def _write(self) -> None:
        async with self._turn:
            self._next = None  # what is added from now on is not in this one
            self._unwritten |= self._state.changes()
            if not self._unwritten:
                return
            try:
                await asyncio.to_thread(self._store.write, self._unwritten)
            except StorageError as error:
                self._context.status.recoverable(error)
                self._faults.report("Not stored, and tried again", 0, error)
            else:
                self._unwritten = {}
                self._context.status.ok()
