"""A log of faults that cannot flood: what repeats is summed up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.logs import WHOLE
from penstock.pipeline.errors import PenstockError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

INTERVAL = 10.0
"""Seconds between two lines about one fault: soon enough to follow, too rare to fill a disk."""


@dataclass(slots=True)
class _Repeats:
    quiet_until: float = 0.0
    times: int = 0
    items: int = 0


class FaultLog:
    """Writes the first of a kind at once and then, an interval apart, how many there were since."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._seen: dict[str, _Repeats] = {}

    def report(self, fault: str, items: int, cause: Exception | str | Callable[[], str]) -> None:
        """Log that `fault`, one of a few fixed phrases, hit so many items because of `cause`, which
        is asked only for a line that is written.

        An exception that is not Penstock's own comes with its traceback.
        """
        seen = self._seen.setdefault(fault, _Repeats())
        seen.times += 1
        seen.items += items
        now = self._clock()
        if now < seen.quiet_until:
            return
        cause = cause() if callable(cause) else cause
        bug = None if isinstance(cause, str | PenstockError) else cause
        text = repr(bug) if bug else cause
        message = "%s (%d items, %d times): %s"
        self._logger.warning(
            message, fault, seen.items, seen.times, text, exc_info=bug, extra=WHOLE
        )
        self._seen[fault] = _Repeats(quiet_until=now + INTERVAL)
