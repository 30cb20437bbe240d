"""Windows: into which panes of time events go, and when what is in them is complete.

A pane is the least piece of time that is added up. Windows are made of panes: tumbling and calendar
windows of one each, sliding ones of as many as steps fit into them. Times are Unix nanoseconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from penstock.business.lengths import NANOS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from numpy.typing import NDArray

    Times = NDArray[np.int64]

MOST = 1000
"""Windows without anything in them that are told at once: after a long sleep, only the last."""

Unit = Literal["day", "week", "month"]


class Span(NamedTuple):
    """A window, from its start to just before its end."""

    start: int
    end: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start) / NANOS


class Window(ABC):
    """How time is divided."""

    @abstractmethod
    def floor(self, time: int) -> int:
        """The last boundary between panes that is not after `time`."""

    @abstractmethod
    def after(self, boundary: int) -> int:
        """The next boundary."""

    @abstractmethod
    def starts(self, times: Times) -> Times:
        """The start of the pane that each time is in."""

    @abstractmethod
    def ending(self, end: int) -> Span:
        """The window that ends at a boundary."""

    def needed_from(self, closed: int) -> int:
        """What starts before is in no window that ends after `closed`."""
        return closed

    def closing(self, panes: Iterable[int], after: int, until: int) -> list[Span]:
        """The windows with a pane in them that end after one time, and not after another."""
        found = (self.ending(self.after(start)) for start in panes)
        return sorted(span for span in found if after < span.end <= until)

    def every(self, after: int, until: int) -> list[Span]:
        """As `closing`, with whatever in them or nothing: the last of them."""
        found: list[Span] = []
        end = self.floor(until)
        while end > after and len(found) < MOST:
            found.append(self.ending(end))
            end = self.floor(end - 1)
        return found[::-1]


class Tumbling(Window):
    """One window after the other, of a length each, beginning with 1970 in UTC."""

    def __init__(self, length: int) -> None:
        self.length = length

    def floor(self, time: int) -> int:
        """The last multiple of the length."""
        return time - time % self.length

    def after(self, boundary: int) -> int:
        """A length later."""
        return boundary + self.length

    def starts(self, times: Times) -> Times:
        """The last multiples of the length."""
        return times - times % self.length

    def ending(self, end: int) -> Span:
        """The window before."""
        return Span(end - self.length, end)


class Sliding(Tumbling):
    """Windows of a length that begin one step after the other: panes are as long as a step."""

    def __init__(self, length: int, step: int) -> None:
        super().__init__(step)
        self._window = length

    def ending(self, end: int) -> Span:
        """The window before."""
        return Span(end - self._window, end)

    def closing(self, panes: Iterable[int], after: int, until: int) -> list[Span]:
        """The windows with a pane in them that end after one time, and not after another."""
        starts = sorted(panes)
        if not starts:
            return []
        first = max(after, starts[0]) + self.length
        last = min(until, starts[-1] + self._window)
        spans = map(self.ending, range(first, last + 1, self.length))
        return [span for span in spans if _one_within(starts, span)]

    def needed_from(self, closed: int) -> int:
        """What starts before is in no window that ends after `closed`."""
        return closed - self._window + self.length


def _one_within(starts: list[int], span: Span) -> bool:
    place = bisect_left(starts, span.start)
    return place < len(starts) and starts[place] < span.end


class Calendar(Window):
    """Days, weeks from Monday on, or months, as the clocks of a time zone tell them."""

    def __init__(self, unit: Unit, zone: tzinfo) -> None:
        self._unit = unit
        self._zone = zone
        self._edges: list[int] = []

    def floor(self, time: int) -> int:
        """When the day, week or month began."""
        self._know(time, time)
        return self._edges[bisect_right(self._edges, time) - 1]

    def after(self, boundary: int) -> int:
        """When the next one begins."""
        self._know(boundary, boundary)
        return self._edges[bisect_right(self._edges, boundary)]

    def starts(self, times: Times) -> Times:
        """When the day, week or month of each began."""
        if not len(times):
            return times
        self._know(int(times.min()), int(times.max()))
        edges = np.array(self._edges, dtype=np.int64)
        found: Times = edges[np.searchsorted(edges, times, side="right") - 1]
        return found

    def ending(self, end: int) -> Span:
        """The one before."""
        return Span(self.floor(end - 1), end)

    def _know(self, first: int, last: int) -> None:
        """Have the edges around these times: some before the first, and one after the last."""
        edges = self._edges
        if not edges:
            edges.append(self._edge(self._begin(self._day(first))))
        while edges[0] > first:
            edges.insert(0, self._edge(self._begin(self._day(edges[0] - NANOS))))
        while edges[-1] <= last:
            edges.append(self._edge(self._next(self._day(edges[-1]))))

    def _day(self, time: int) -> date:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time // NANOS)
        return moment.astimezone(self._zone).date()

    def _edge(self, day: date) -> int:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        return round(midnight.timestamp()) * NANOS

    def _begin(self, day: date) -> date:
        if self._unit == "month":
            return day.replace(day=1)
        return day - timedelta(days=day.weekday() if self._unit == "week" else 0)

    def _next(self, day: date) -> date:
        if self._unit == "month":
            return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        return day + timedelta(days=7 if self._unit == "week" else 1)
