"""Durations between events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from penstock import _kernel
from penstock.pipeline.panes.arrays import buffer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.pipeline.panes.panes import Record

_MOST: Final = 2**63 - 1


class Pairs:
    """Durations between a beginning and an end of the same key. Threads may share it."""

    def __init__(self, *, limit: int, timeout: float, tracked: bool = False) -> None:
        """For at most `limit` keys that wait for their other half, `timeout` seconds long. Only
        where it is `tracked`, there are `changes`."""
        nanos = min(int(timeout * 1e9), _MOST)
        self._native = _kernel.Pairs(limit, nanos, tracked)

    def match(
        self, hashes: NDArray[np.uint64], roles: NDArray[np.uint8], times: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint32], NDArray[np.float64], int, int]:
        """The positions of events that make a pair whole, and the seconds that it went on; how many
        pairs took longer than the time-out, and how many events found no room.

        A role is 0 for none, 1 for what begins, 2 for what ends and 3 for both: it ends what was
        begun, and begins anew. Events of a call are taken in the order of their times. The first of
        several beginnings counts, and the first end after it; an end waits for its beginning, which
        may come later.
        """
        positions, seconds, late, full = self._native.match(
            buffer(hashes, np.uint64), buffer(roles, np.uint8), buffer(times, np.int64)
        )
        return np.frombuffer(positions, np.uint32), np.frombuffer(seconds), late, full

    def expire(self, now: int) -> int:
        """Forget what waits for longer than the time-out, in Unix nanoseconds; how many keys."""
        return self._native.expire(now)

    def changes(self) -> list[Record]:
        """Records that changed since this was called last."""
        return self._native.changes()

    def restore(self, records: Sequence[tuple[bytes, bytes]]) -> int:
        """Take saved records back; how many were damaged or too many, and are left out."""
        return self._native.restore(records)

    def size(self) -> tuple[int, int]:
        """How many keys wait, and the bytes that they take."""
        return self._native.size()
