"""Streams of events for indicators, a clock that a test sets, and what plain Python makes of it."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.business.engine import Engine, no_report
from penstock.business.settings import Settings
from penstock.pipeline import Signal
from penstock.pipeline.faults import FaultLog
from penstock.testing.encode import batch_of
from penstock.testing.items import LogItem, SpanItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from penstock.business.accounts import Report
    from penstock.business.clocks import Clock
    from penstock.business.engine import Told
    from penstock.pipeline import Batch

SECOND = 1_000_000_000
BEGIN = 1_767_225_600
"""2026-01-01 00:00 UTC, in seconds: a boundary of windows of every usual length."""

Numbers = dict[tuple[int, str], float]
"""By the end of the window in seconds, and the value of the dimension."""


class TestClock:
    """A clock that is set."""

    __test__ = False
    recorded = False

    def __init__(self, seconds: float = BEGIN, skew: float = 600.0) -> None:
        self.seconds = seconds
        self._skew = skew

    def now(self) -> int:
        return round(self.seconds * SECOND)

    def latest(self) -> int:
        return round((self.seconds + self._skew) * SECOND)

    def saw(self, newest: int) -> None:
        """That makes no difference."""


@dataclass(frozen=True)
class Event:
    """Something that an agent did, `at` a second after the beginning, when it ended."""

    at: float
    agent: str = "a"
    value: float = 1.0
    seconds: float = 0.0
    good: bool = True
    user: str = "u"

    @property
    def end(self) -> int:
        return round((BEGIN + self.at) * SECOND)

    @property
    def span(self) -> SpanItem:
        """The event as a span; without an agent, it lacks the attribute."""
        agent = {"agent": self.agent} if self.agent else {}
        return SpanItem(
            name="task",
            start=self.end - round(self.seconds * SECOND),
            end=self.end,
            status="OK" if self.good else "ERROR",
            attributes={"value": self.value, "user": self.user, **agent},
        )


def spans(events: Iterable[Event]) -> Batch:
    """Spans of events."""
    return batch_of(Signal.TRACES, [event.span for event in events])


def logs(*records: tuple[float, dict[str, Any]]) -> Batch:
    """Log records of a second after the beginning, with attributes."""
    items = [
        LogItem(time=round((BEGIN + at) * SECOND), attributes=attributes)
        for at, attributes in records
    ]
    return batch_of(Signal.LOGS, items)


def engine(
    clock: Clock,
    options: dict[str, Any] | None = None,
    /,
    report: Report = no_report,
    *,
    tracked: bool = False,
    **more: Any,
) -> Engine:
    """An engine for indicators by name, and other options."""
    settings = Settings.model_validate({"indicators": options or {}, **more})
    return Engine(
        settings, clock, FaultLog(logging.getLogger("test")), report=report, tracked=tracked
    )


def numbers(told: Iterable[Told], name: str, label: str = "agent") -> Numbers:
    """What was told of an indicator."""
    return {
        (reading.span.end // SECOND - BEGIN, labels.get(label, "")): value
        for each in told
        for reading in each.readings[name]
        for labels, value in reading.rows()
    }


@dataclass(frozen=True)
class Step:
    """Events that come together, so many seconds after those before; `tells` is whether numbers
    are asked for then."""

    wait: float
    events: Sequence[Event]
    tells: bool


def played(made: Engine, clock: TestClock, steps: Iterable[Step]) -> list[Told]:
    """All that an engine tells of a stream, until nothing is open any more."""
    told = []
    for step in steps:
        clock.seconds += step.wait
        if step.events:
            made.take(spans(step.events))
        if step.tells:
            told.append(made.due())
            made.forget()
    clock.seconds += 10 * 86_400
    told.append(made.due())
    return told


def expected(
    steps: Iterable[Step],
    ends: Callable[[float], list[int]],
    number: Callable[[list[Event]], float],
    *,
    pane: int,
    lateness: float,
    skew: float = 600.0,
) -> Numbers:
    """What should be told: of each window and agent, a number of the events that count."""
    windows: defaultdict[tuple[int, str], list[Event]] = defaultdict(list)
    now = 0.0
    for step in steps:
        now += step.wait
        open_from = (now - lateness) // pane * pane
        for event in step.events:
            if event.agent and open_from <= event.at <= now + skew:
                for end in ends(event.at):
                    windows[end, event.agent].append(event)
    return {key: number(events) for key, events in windows.items()}
