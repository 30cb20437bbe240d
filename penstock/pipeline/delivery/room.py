"""A bound on how many bytes several tasks work on at a time, as long as they are quick."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Room:
    """Room for so many bytes. What is larger than all of it goes alone.

    Whoever takes longer than `patience`, in seconds, waits for somebody far away, and counts no
    more.
    """

    def __init__(self, limit: int, patience: float) -> None:
        self._limit = limit
        self._patience = patience
        self._guests: dict[object, int] = {}
        self._left = asyncio.Event()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def for_(self, size: int) -> AsyncIterator[None]:
        """Take up `size` bytes, once there is room for them and for those who came before."""
        guest = object()
        async with self._turn:
            while self._guests and sum(self._guests.values()) + size > self._limit:
                self._left.clear()
                await self._left.wait()
            self._guests[guest] = size
        patience = asyncio.get_running_loop().call_later(self._patience, self._leave, guest)
        try:
            yield
        finally:
            patience.cancel()
            self._leave(guest)

    def _leave(self, guest: object) -> None:
        self._guests.pop(guest, None)
        self._left.set()
