"""Reading on in files, a batch at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from penstock._kernel import LogRecords
from penstock.pipeline import Batch
from penstock.receivers._tail_known import Known, Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.receivers._tail_files import Files

TURN = 256 * 1024
"""Bytes that are read of one file before it is another one's turn."""

ENOUGH = 1024 * 1024
"""Bytes of log records that are a batch."""


class Gathered(NamedTuple):
    """What was read, and up to where of which files."""

    batch: Batch | None
    marks: dict[Known, Mark]
    dropped: list[tuple[int, int]]
    """How many entries operators dropped on purpose, by their numbers."""
    faults: list[tuple[int, int, int, str]]
    """The same for those of which they could make nothing; the offset of the first, and why."""


class Reader:
    """Reads files in turns. All but its numbers belongs to one thread."""

    def __init__(self, files: Files, poll_interval: float, clock: Callable[[], float]) -> None:
        self._files = files
        self._poll_interval = poll_interval
        self._clock = clock
        self._next_poll = 0.0
        self._ready: dict[Known, bool] = {}
        self._records = LogRecords()

    @property
    def reading_files(self) -> int:
        """How many files have more to be read."""
        return len(self._ready)

    @property
    def rest(self) -> float:
        """Seconds until there is something to do."""
        return 0.0 if self._ready else max(0.0, self._next_poll - self._clock())

    def gather(self) -> Gathered:
        """Read until it is enough for a batch, or there is nothing more."""
        if self._clock() >= self._next_poll:
            self._ready.update(self._files.poll())
            self._next_poll = self._clock() + self._poll_interval
        marks = {}
        while self._ready and self._records.nbytes < ENOUGH:
            known, whole = self._next()
            if self._read(known, whole=whole):
                self._ready[known] = whole
            marks[known] = Mark(*known.log.safe)
        return self._gathered(marks)

    def finish(self) -> Gathered:
        """What waits for other parts of it, which will not come."""
        for known in self._files.present:
            known.log.finish(self._records)
        return self._gathered({})

    def _gathered(self, marks: dict[Known, Mark]) -> Gathered:
        native = self._records.take()
        batch = Batch(native, {"file": (len(native), 1)}) if native else None
        return Gathered(batch, marks, *self._records.tally())

    def _next(self) -> tuple[Known, bool]:
        known = next(iter(self._ready))
        return known, self._ready.pop(known)

    def _read(self, known: Known, *, whole: bool) -> bool:
        """Whether there is more."""
        if not self._files.open(known):
            known.seen = (-1, -1)
            return False
        try:
            read = known.log.read(self._records, TURN, time.time_ns(), whole)
        except OSError as error:
            self._files.fail(known, error)
            return False
        if read:
            known.grown = self._clock()
        return read >= TURN
