"""What time it is: by the clock of this machine, or by the events themselves."""

from __future__ import annotations

import time
from typing import Protocol

from penstock.business.lengths import nanoseconds

_NEVER = 2**63 - 1


class Clock(Protocol):
    """Tells time in Unix nanoseconds."""

    recorded: bool
    """Whether time is that of events that were recorded."""

    def now(self) -> int:
        """The time."""

    def latest(self) -> int:
        """What says that it happened after this cannot be right."""

    def saw(self, newest: int) -> None:
        """A batch has been taken whose newest event was at that time."""


class WallClock:
    """The clock of this machine; those of others may be so many seconds ahead."""

    recorded = False

    def __init__(self, max_skew: float) -> None:
        self._skew = nanoseconds(max_skew)

    def now(self) -> int:
        """The time."""
        return time.time_ns()

    def latest(self) -> int:
        """As far in the future as clocks may be ahead."""
        return self.now() + self._skew

    def saw(self, newest: int) -> None:
        """That makes no difference."""


class EventClock:
    """It is when the newest event of all batches before happened: for what was recorded."""

    recorded = True

    def __init__(self) -> None:
        self._newest = 0

    def now(self) -> int:
        """The time of the newest event."""
        return self._newest

    def latest(self) -> int:
        """Any time can be right."""
        return _NEVER

    def saw(self, newest: int) -> None:
        """It is at least that late."""
        self._newest = max(self._newest, newest)
