"""How long it takes from one event to another of the same key."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock.business.lengths import NANOS
from penstock.pipeline.panes import Pairs, value_hashes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock.business.items import Items
    from penstock.business.kinds import DurationBetween
    from penstock.ottl import Condition, Value
    from penstock.pipeline import Mask

_ENDS = 2


class Found(NamedTuple):
    """Durations that events of a batch made whole: at which items, how long, and when they ended;
    how many events were left out for which reason."""

    where: Mask
    seconds: NDArray[np.float64]
    times: NDArray[np.int64]
    left_out: Mapping[str, int]


class Durations:
    """Events that wait for the other one of their key."""

    def __init__(
        self,
        indicator: DurationBetween,
        key: Value,
        begins_and_ends: tuple[Condition, Condition],
        *,
        tracked: bool,
    ) -> None:
        self._key = key
        self._begins, self._ends = begins_and_ends
        self.pairs = Pairs(limit=indicator.max_pending, timeout=indicator.timeout, tracked=tracked)

    def found(self, items: Items, where: Mask) -> Found:
        """What comes of a batch's events."""
        column = items.column(self._key)
        absent = column.where(lambda it: it is None) & where
        roles = items.mask(self._begins).view(np.uint8) + _ENDS * items.mask(self._ends).view(
            np.uint8
        )
        roles[absent | ~where] = 0
        places, lengths, timed_out, no_room = self.pairs.match(
            value_hashes(column), roles, items.times
        )
        found = np.zeros(len(items), dtype=np.bool_)
        found[places] = True
        seconds = np.zeros(len(items))
        seconds[places] = lengths
        # The event that comes last may be the first one: the duration ends when the other one was.
        began = roles[places] < _ENDS
        times = items.times.copy()
        times[places[began]] += np.round(lengths[began] * NANOS).astype(np.int64)
        left_out = {"no_key": int(absent.sum()), "timeout": timed_out, "overflow": no_room}
        return Found(found, seconds, times, {why: it for why, it in left_out.items() if it})

    def expire(self, now: int) -> int:
        """Forget events whose other one did not come in time; how many."""
        return self.pairs.expire(now)
