"""A bound on how many bytes several tasks work on at a time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Room:
    """Room for so many bytes. What is larger than all of it goes alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._left = asyncio.Event()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def for_(self, size: int) -> AsyncIterator[None]:
        """Take up `size` bytes, once there is room for them and for those who came before."""
        async with self._turn:
            while self._taken and self._taken + size > self._limit:
                self._left.clear()
                await self._left.wait()
            self._taken += size
        try:
            yield
        finally:
            self._taken -= size
            self._left.set()
