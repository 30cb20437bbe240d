"""How every component is: what it says of itself, what the engine sees, and what that comes to."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.logs import printable
from penstock.pipeline.errors import PenstockError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MAX_ERROR = 500
"""Characters of an error that are kept: enough to act on, too few for a back end to fill a page."""


class Status(StrEnum):
    """The Collector's component statuses, in its words."""

    STARTING = "StatusStarting"
    OK = "StatusOK"
    RECOVERABLE_ERROR = "StatusRecoverableError"
    PERMANENT_ERROR = "StatusPermanentError"
    FATAL_ERROR = "StatusFatalError"
    STOPPING = "StatusStopping"
    STOPPED = "StatusStopped"


_LIFE = (Status.FATAL_ERROR, Status.STARTING, Status.STOPPING, Status.STOPPED)
_TROUBLE = (Status.PERMANENT_ERROR, Status.RECOVERABLE_ERROR)
_ERRORS = (Status.FATAL_ERROR, *_TROUBLE)
_AT_WORK = (*_TROUBLE, Status.OK)


@dataclass(frozen=True, slots=True)
class Report:
    """A status, why, and since when; `moment` is the same on the clock that never jumps."""

    status: Status
    error: str | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    moment: float = field(default_factory=time.monotonic)


class State:
    """How one component is, or an exporter for one signal.

    A component reports errors, and that it is well again. The engine reports its life, from
    starting to stopped; while it starts or stops, what it says of itself changes nothing.
    """

    def __init__(self) -> None:
        self.report = Report(Status.STARTING)

    def ok(self) -> None:
        """It does its work, or does it again."""
        if self.report.status is not Status.OK and self.report.status in _AT_WORK:
            self.report = Report(Status.OK)

    def recoverable(self, error: Exception | str) -> None:
        """It cannot do its work now, and may by itself be able to later."""
        self._fail(Status.RECOVERABLE_ERROR, error)

    def permanent(self, error: Exception | str) -> None:
        """Somebody has to look at it. Whatever succeeds after that still makes it `ok`."""
        self._fail(Status.PERMANENT_ERROR, error)

    def fatal(self, error: Exception | str) -> None:
        """The service ends because of it."""
        self.report = Report(Status.FATAL_ERROR, _text(error))

    def live(self, status: Status) -> None:
        """It has started, stops or has stopped. What is fatal stays so."""
        if self.report.status is not Status.FATAL_ERROR:
            self.report = Report(status)

    def _fail(self, status: Status, error: Exception | str) -> None:
        if self.report.status is status:
            self.report = replace(self.report, error=_text(error))
        elif self.report.status in _AT_WORK:
            self.report = Report(status, _text(error))


class WatchedState(State):
    """How a part of a component is, which has started; `changed` is called when it may be otherwise
    than before."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self.report = Report(Status.OK)
        self._changed = changed

    def ok(self) -> None:
        """It does its work, or does it again."""
        if self.report.status is not Status.OK:
            super().ok()
            self._changed()

    def _fail(self, status: Status, error: Exception | str) -> None:
        super()._fail(status, error)
        self._changed()


class Board:
    """The states of a service's components, in the groups that they are shown in."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, State]] = {}
        """States by group (`extensions`, `pipeline:traces`) and name (`receiver:otlp`)."""
        self._by_place: defaultdict[str, list[State]] = defaultdict(list)

    def open(self, place: str) -> State:
        """A new state of what stands at `place`, of which an exporter has one for each signal."""
        state = State()
        self._by_place[place].append(state)
        return state

    def at(self, place: str) -> Sequence[State]:
        """Every state of what stands at `place`; none where nothing does."""
        return self._by_place.get(place, ())

    def live(self, place: str, status: Status) -> None:
        """What stands at `place` has started, stops or has stopped."""
        for state in self.at(place):
            state.live(status)


def summary(reports: Iterable[Report], *, recoverable_first: bool = False) -> Report:
    """What the reports of several components come to: the most serious, as in the Collector.

    An error counts from when the first component had it, anything else from the latest change.
    """
    found = list(reports)
    order = [*_LIFE, *(reversed(_TROUBLE) if recoverable_first else _TROUBLE), Status.OK]
    status = min((report.status for report in found), key=order.index)
    alike = [report for report in found if report.status is status]
    choose = min if status in _ERRORS else max
    report = choose(alike, key=lambda report: report.moment)
    if status is Status.STOPPED and len(alike) < len(found):
        return replace(report, status=Status.STOPPING)
    return report


def _text(error: Exception | str) -> str:
    """What may be shown of it: an error that is not Penstock's own may quote anything."""
    own = isinstance(error, str | PenstockError)
    text = str(error) if own else f"{type(error).__name__}, see the log"
    return printable(text[:MAX_ERROR])
