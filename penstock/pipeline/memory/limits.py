"""The memory of the process: measured, held against limits, and given back when it is short."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock._kernel import give_back_freed_memory, hold_at_most
from penstock.pipeline.errors import StartError
from penstock.pipeline.insist import pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline.status import State

MIB = 1024 * 1024

_STEP = 4
"""Memory is measured again when this part of what was left has come in: within a `check_interval`
hundreds of MiB can."""

_RESPITE = 0.25
"""Seconds from one time that memory is given back to the next, since the allocators take it up
again at a price; and between measurements while data is refused, so that queues do not run dry."""

LEAST_HELD = 16 * MIB
"""Bytes that servers may hold however little is left: some requests, so that they are answered."""

_HELPED = 0.95
"""Reclaiming helped if it left no more than this part in use."""

_MOST_DOUBLED = 16
"""A pause is doubled so often at most, so that its number stays one."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")

REASON = "data refused due to high memory usage"
"""What senders are told, in the Collector's words."""


def resident() -> int:
    """Bytes of memory that the process occupies: Python, the kernel and all libraries."""
    return int(_STATM.read_bytes().split()[1]) * _PAGE


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between collections of garbage: the fewest, and the most where they are in vain.

    With `most` 0 they stay the fewest.
    """

    fewest: float
    most: float

    def after(self, in_vain: int, interval: float) -> float:
        """The pause after so many collections that did not help."""
        if not in_vain or not self.most:
            return self.fewest
        doubled = max(self.fewest, interval) * 2.0 ** min(in_vain, _MOST_DOUBLED)
        return min(doubled, max(self.most, self.fewest))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes from which batches are refused (`soft`), and that are to be kept below (`hard`).

    Memory is measured every `interval` seconds, and sooner where much comes in.
    """

    soft: int
    hard: int
    interval: float
    when_soft: Pauses
    when_hard: Pauses


class Limiter:
    """Whether to refuse batches, for one set of limits."""

    def __init__(self, limits: Limits, memory: Memory) -> None:
        self.limits = limits
        self.refusing = False
        """Whether the process uses too much to take more."""
        self.used = 0
        """Bytes in use when it was last measured."""
        self.states: list[State] = []
        self._memory = memory
        self._came = self._step = 0
        self._due = asyncio.Event()
        self._in_vain = 0
        self._reclaimed = self._collected = -math.inf

    def passed(self, size: int) -> None:
        """So many bytes were let in."""
        self._came += size
        if self._came >= self._step:
            self._due.set()

    async def watch(self) -> None:
        """Measure for as long as this runs."""
        while True:
            self.check()
            interval = self.limits.interval
            await pause(self._due, min(interval, _RESPITE) if self.refusing else interval)

    def check(self) -> None:
        """Measure now, and refuse from now on or no longer."""
        used = self._memory.measure()
        if used >= self.limits.soft:
            used = self._reclaim(used)
        self.used = used
        left = self.limits.soft - used
        self._came, self._step = 0, max(MIB, left // _STEP)
        self._due.clear()
        self.refuse(self._is_short(used))
        self._memory.share()

    def refuse(self, refusing: bool) -> None:  # noqa: FBT001  (an answer to a question)
        """Refuse from now on, or no longer, and say so."""
        if refusing == self.refusing:
            return
        self.refusing = refusing
        for state in self.states:
            state.recoverable(REASON) if refusing else state.ok()

    def _is_short(self, used: int) -> bool:
        """From the soft limit on, unless next to nothing is queued: then refusing frees nothing."""
        limits = self.limits
        worth = self._memory.queued() >= (limits.hard - limits.soft) // 2
        return used >= limits.hard or (used >= limits.soft and worth)

    def _reclaim(self, used: int) -> int:
        now = self._memory.clock()
        if now - self._reclaimed < _RESPITE:
            return used
        self._reclaimed = now
        collects = now - self._collected >= self._pause(used)
        if collects:
            self._collected = now
            gc.collect()
        self._memory.give_back()
        left = self._memory.measure()
        if left < self.limits.soft or left <= used * _HELPED:
            self._in_vain = 0
        elif collects:
            self._in_vain += 1
        return left

    def _pause(self, used: int) -> float:
        limits = self.limits
        pauses = limits.when_hard if used >= limits.hard else limits.when_soft
        return pauses.after(self._in_vain, limits.interval)


class Memory:
    """Watches the limits of a service, each once, however many components share them.

    Pipelines with the same limits begin and end to refuse at the same moment: what one of them took
    and another refused would be lost for the other.
    """

    def __init__(
        self,
        measure: Callable[[], int] = resident,
        queued: Callable[[], int] = lambda: 0,
        give_back: Callable[[], None] = give_back_freed_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.measure = measure
        self.queued = queued
        self.give_back = give_back
        self.clock = clock
        self._limiters: dict[Limits, Limiter] = {}
        self._watches: list[asyncio.Task[None]] = []

    def limiter(self, limits: Limits, state: State) -> Limiter:
        """What tells whether to refuse, the same for the same limits; `state` is told too."""
        limiter = self._limiters.setdefault(limits, Limiter(limits, self))
        limiter.states.append(state)
        return limiter

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Watch from now on. Raises `StartError` where Penstock itself needs too much."""
        used = self.measure()
        for limiter in self._limiters.values():
            if used >= limiter.limits.soft:
                msg = (
                    f"{used // MIB} MiB are in use before anything is received, and from "
                    f"{limiter.limits.soft // MIB} MiB on everything is refused; raise the limit"
                )
                raise StartError(msg)
            self._watches.append(tasks.create_task(limiter.watch(), name="memory"))

    def stop(self) -> None:
        """Refuse nothing more: what the service still has to pass on is in memory already."""
        for watch in self._watches:
            watch.cancel()
        for limiter in self._limiters.values():
            limiter.refuse(False)  # noqa: FBT003  (an answer to a question)
        hold_at_most(sys.maxsize)

    def share(self) -> None:
        """Let servers hold half of what is left: it is in use before anyone here sees a batch."""
        left = min(limiter.limits.soft - limiter.used for limiter in self._limiters.values())
        hold_at_most(max(left // 2, LEAST_HELD))
