"""The pace at which telemetry is let in: that of the back ends, while they keep up.

Penstock takes requests several times faster than most back ends do. What it took ahead of them
would only wait in its memory, so senders wait instead, each for a moment.
"""

from __future__ import annotations

import asyncio
from collections import deque

_MARK = 4 * 1024 * 1024
"""Bytes that a queue may hold before senders are slowed down: a few full batches."""

_LONGEST = 0.1
"""Seconds that a batch is held back at most. A queue that does not shrink within that time holds
back none: its back end is down or slow, and to take what comes meanwhile is what queues are for."""


class Backlog:
    """What one queue holds, and whether that becomes less."""

    def __init__(self, pace: Pace) -> None:
        self.bytes = 0
        self._pace = pace
        self._stuck = False

    def grow(self, size: int) -> None:
        """So many bytes more wait."""
        self.bytes += size

    def shrink(self, size: int) -> None:
        """So many bytes were delivered or given up."""
        self.bytes -= size
        self._stuck = False
        self._pace.let_go()

    @property
    def ahead(self) -> bool:
        """Whether more waits than is useful, and waiting for it helps."""
        return self.bytes > _MARK and not self._stuck

    def give_up(self) -> None:
        """Hold back nothing on this queue's account until it shrinks."""
        self._stuck = self.bytes > _MARK


class Pace:
    """Holds back what comes in while a queue is ahead of its back end, and keeps its order."""

    def __init__(self) -> None:
        self._backlogs: list[Backlog] = []
        self._held: deque[asyncio.Event] = deque()

    def backlog(self) -> Backlog:
        """The account of one more queue."""
        backlog = Backlog(self)
        self._backlogs.append(backlog)
        return backlog

    def forget(self, backlog: Backlog) -> None:
        """That queue is empty, and stays so."""
        self._backlogs.remove(backlog)

    @property
    def bytes(self) -> int:
        """What all queues hold together."""
        return sum(backlog.bytes for backlog in self._backlogs)

    async def keep(self) -> None:
        """Return at once, or when the queues are short again, or after a moment."""
        if not self._held and not self._is_ahead():
            return
        turn = asyncio.Event()
        self._held.append(turn)
        try:
            async with asyncio.timeout(_LONGEST):
                while self._held[0] is not turn or self._is_ahead():
                    turn.clear()
                    await turn.wait()
        except TimeoutError:
            for backlog in self._backlogs:
                backlog.give_up()
            self.let_go()
        finally:
            self._held.remove(turn)
            if self._held:
                self._held[0].set()

    def let_go(self) -> None:
        """Have those who are held back go on in their order, if the queues are short again."""
        if self._held and not self._is_ahead():
            for turn in self._held:
                turn.set()

    def _is_ahead(self) -> bool:
        return any(backlog.ahead for backlog in self._backlogs)
