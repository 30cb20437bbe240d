"""A faulty link: a port that passes connections on to another, and mistreats some of them."""

from __future__ import annotations

import asyncio
import math
import random
import socket
import struct
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TROUBLE = 6
"""How many connections are mistreated; then the link is as good as new."""

_LONGEST = 4000
"""Bytes, of both directions, after which a connection is mistreated at the latest."""

_SLICES = 7
"""Bytes of a slice: more than a frame header has, fewer than any message."""

_HALF_OPEN = 0.2
"""Seconds that a half-open connection swallows what it is sent."""


class Fault(Enum):
    """What happens to a connection."""

    CUT = auto()
    """It is closed in the midst of something."""
    RESET = auto()
    """It is reset in the midst of something."""
    HALF_OPEN = auto()
    """It takes everything and brings nothing, for a while; then it is reset."""
    SLICES = auto()
    """Everything comes in slices of a few bytes."""


class _Quota:
    """How many bytes a connection still carries."""

    def __init__(self, left: float) -> None:
        self.left = left

    def take(self, size: int) -> int:
        """How many of `size` bytes it carries."""
        taken = int(min(size, self.left))
        self.left -= taken
        return taken


class Link:
    """Passes connections to its port on to `port`, of this machine."""

    def __init__(self, port: int, fault: Fault, seed: int) -> None:
        self.mistreated = 0
        self._target = port
        self._fault = fault
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError, asyncio.CancelledError):
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
                await self._join((reader, far_writer), (far_reader, writer))
            finally:
                writer.close()

    async def close(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, *ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        quota = self._quota()
        pumps = [asyncio.ensure_future(self._pump(*way, quota)) for way in ways]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if self._fault is Fault.HALF_OPEN and not quota.left:
                await asyncio.sleep(_HALF_OPEN)
        finally:
            for pump in pumps:
                pump.cancel()
            for _, writer in ways:
                self._end(writer)
            closed = (writer.wait_closed() for _, writer in ways)
            await asyncio.gather(*pumps, *closed, return_exceptions=True)

    def _quota(self) -> _Quota:
        if self._fault is Fault.SLICES or self.mistreated == TROUBLE:
            return _Quota(math.inf)
        self.mistreated += 1
        return _Quota(self._random.randrange(_LONGEST))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, quota: _Quota
    ) -> None:
        while data := await reader.read(65_536):
            carried = quota.take(len(data))
            await self._pass_on(data[:carried], writer)
            if carried < len(data):
                return

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        size = _SLICES if self._fault is Fault.SLICES else max(1, len(data))
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        if self._fault in {Fault.RESET, Fault.HALF_OPEN}:
            # Closing with a linger of no time resets the connection.
            connection = writer.get_extra_info("socket")
            with suppress(OSError):  # it may be gone already
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()


@asynccontextmanager
async def linked(port: int, fault: Fault | None, seed: int) -> AsyncIterator[int]:
    """A port that leads to `port`: that one itself, where there is no fault."""
    if fault is None:
        yield port
        return
    link = Link(port, fault, seed)
    async with await asyncio.start_server(link.accept, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await link.close()
    assert fault is Fault.SLICES or link.mistreated, "no connection was ever mistreated"
