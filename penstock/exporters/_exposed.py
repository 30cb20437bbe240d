"""What is exposed to Prometheus: metrics come in, and scrapes show the newest of each series."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

from penstock._kernel import Exposition, Unknown
from penstock.prometheus.metrics import family

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock import _kernel
    from penstock.pipeline import Batch
    from penstock.prometheus.origins import Origins

AT_ONCE = 4096
"""Points that are taken in one go: the event loop waits meanwhile, some milliseconds at most."""

MANY = 200_000
"""Series from which on points are taken in a thread: to make room for more takes longer than the
event loop may wait, though that is seldom."""

FAULTS = ("conflict", "unnamed", "unsupported", "invalid", "old", "full")
"""Why points are not shown, in the kernel's order."""

MEANINGS = {
    "conflict": "another series has the same name and labels (give each source a "
    "service.instance.id), or the name has another type",
    "unnamed": "no name is left of it; keep names of any script by translation_strategy",
    "unsupported": "Prometheus has nothing like it: sums or histograms without temporality",
    "invalid": "it has a value that cannot be",
    "old": "it is older than what is shown",
    "full": "there are max_series of them",
}
"""What each fault is, in words."""

LASTING = ("conflict", "unnamed", "unsupported", "full")
"""The faults that somebody should look at: they do not go away by themselves."""

MAX_NAMES = 8
"""Metrics that are named in a status, for each fault."""

MAX_TROUBLES = 64
"""Metrics that are kept to be named."""

MAX_NAME = 100
"""Characters of a name that are kept."""


class Exposed:
    """Series, their names, and what is not shown, for as long as that is news."""

    def __init__(
        self,
        origins: Origins,
        *,
        target: str,
        limit: int,
        expiration: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kernel = Exposition(target, "Target metadata", limit)
        self._namer = origins.namer
        self._origins = origins
        self._expiration = expiration
        self._clock = clock
        self._begun = clock()
        self._troubles: dict[tuple[str, str], int] = {}
        self._turns = asyncio.Lock()

    async def take(self, batch: Batch) -> Counter[str]:
        """Show what is new in a batch; returns how many points were dropped, by fault.

        Batches are taken one after the other: of deltas in another order one would be too old.
        """
        dropped: Counter[str] = Counter()
        async with self._turns:
            for part in batch.split(max_items=AT_ONCE):
                if self.kernel.counts()[0] < MANY:
                    dropped += self._take(part.native)
                    await asyncio.sleep(0)
                else:
                    dropped += await asyncio.to_thread(self._take, part.native)
        return dropped

    def _take(self, batch: _kernel.Batch) -> Counter[str]:
        tick, wall = self._tick(), time.time_ns()
        answer = self.kernel.update(batch, tick, wall)
        while isinstance(answer, Unknown):
            self._name(answer, tick)
            answer = self.kernel.update(batch, tick, wall)
        dropped, examples = answer
        for fault, name in examples:
            self._note(FAULTS[fault], name[:MAX_NAME], tick)
        return Counter(
            {fault: count for fault, count in zip(FAULTS, dropped, strict=True) if count}
        )

    def _note(self, fault: str, name: str, tick: int) -> None:
        known = (fault, name) in self._troubles
        if fault in LASTING and (known or len(self._troubles) < MAX_TROUBLES):
            self._troubles[fault, name] = tick

    def _name(self, unknown: Unknown, tick: int) -> None:
        self.kernel.name(
            unknown,
            tick,
            [family(said, self._namer) for said in unknown.metrics],
            [
                (self._origins.labels(*origin), self._origins.target(origin[0]))
                for origin in unknown.origins
            ],
            [self._namer.label(key) for key in unknown.labels],
        )

    async def expire(self) -> None:
        """Let series go that have not been updated for the time that they are shown without."""
        oldest = max(0, self._tick() - round(self._expiration))
        self._troubles = {key: at for key, at in self._troubles.items() if at >= oldest}
        more = True
        while more:
            more = self.kernel.expire(oldest)
            await asyncio.sleep(0)

    def trouble(self) -> str | None:
        """What somebody should look at, by the names of metrics; `None` where there is nothing."""
        oldest = self._tick() - self._expiration
        found = [key for key, at in self._troubles.items() if at >= oldest]
        parts = []
        for fault in LASTING:
            names = sorted(name for reason, name in found if reason == fault)
            if names:
                more = ", …" if len(names) > MAX_NAMES else ""
                parts.append(f"{', '.join(names[:MAX_NAMES])}{more}: {MEANINGS[fault]}")
        return "not shown: " + "; ".join(parts) if parts else None

    def _tick(self) -> int:
        """Seconds, of which there are at first as many as a series is shown without an update."""
        return int(self._clock() - self._begun) + round(self._expiration) + 1
