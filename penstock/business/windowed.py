"""Indicators over windows, or over all time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penstock.business.measure import Measure
from penstock.business.options import Judged
from penstock.business.readings import NOTHING, Reading, gauges, judgements, metric
from penstock.business.recipes import begun
from penstock.business.windows import Calendar, Span
from penstock.pipeline.panes import Panes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.business.accounts import Account
    from penstock.business.items import Items
    from penstock.business.measure import Timing
    from penstock.business.options import Measured
    from penstock.business.recipes import Feed, Recipe
    from penstock.pipeline import Batch, Mask
    from penstock.pipeline.panes import Keys, Pairs


class Windowed(Measure):
    """Adds up panes, and puts them together to windows."""

    def __init__(  # noqa: PLR0913  (what it is made of)
        self,
        name: str,
        indicator: Measured,
        recipe: Recipe,
        account: Account,
        timing: Timing,
        *,
        tracked: bool,
    ) -> None:
        super().__init__(name, indicator, recipe, account, timing)
        now = timing.clock.now()
        self.zero = recipe.zero
        self._panes = Panes(recipe.shape, limit=indicator.limit, tracked=tracked)
        self.closed = self.forgotten = self._complete_at(now)
        self._born = None if timing.clock.recorded or not self.window else self.window.floor(now)

    @property
    def stores(self) -> Mapping[str, Panes | Pairs]:
        """What has a state, by name."""
        waiting = self._recipe.durations
        return {"": self._panes, **({"pairs": waiting.pairs} if waiting else {})}

    def _complete_at(self, now: int) -> int:
        """Up to when windows are complete: what happened before is late."""
        if self.window is None:
            return 0
        return max(0, self.window.floor(now - self._timing.lateness))

    def _since(self, now: int) -> int:
        return max(self.closed, self._complete_at(now))

    def _late(self, items: Items, feed: Feed, now: int) -> Mask | None:
        since = self._since(now)
        if self.window is None or (feed.times is None and items.oldest >= since):
            return None
        return (items.times if feed.times is None else feed.times) < since

    def _store(self, items: Items, keys: Keys, feed: Feed, now: int) -> tuple[int, int]:
        since = self._since(now)
        if self.window is None:
            return self._panes.add(keys, now=now, where=feed.where, **feed.columns)
        if feed.times is None:
            panes = items.panes(self.window, since)
        else:
            panes = self.window.starts(np.maximum(feed.times, since))
        columns = begun(feed.columns, since) if self._recipe.lasts else feed.columns
        return self._panes.add(keys, now=now, where=feed.where, panes=panes, **columns)

    def due(self, now: int) -> list[Reading]:
        """The numbers of windows that are complete, and of what is told before it is."""
        if self._recipe.durations:
            self.account.leave_out("timeout", self._recipe.durations.expire(now))
        if self.window is None:
            return [self._reading(Span(0, now))]
        spans = self._complete(self._since(now))
        if isinstance(self.window, Calendar) and not self._recipe.histogram:
            spans.append(Span(self.window.floor(now), now))
        return [self._reading(span) for span in spans if span.seconds]

    def last(self, now: int) -> list[Reading]:
        """The numbers of all windows: nothing comes any more."""
        if self.window is None:
            return [self._reading(Span(0, now))]
        newest = max([*self._panes.starts(), self.window.floor(now)])
        spans = self._complete(self.window.after(newest))
        whole = self._timing.clock.recorded
        return [self._reading(span if whole else _so_far(span, now)) for span in spans]

    def _complete(self, until: int) -> list[Span]:
        """The windows that end by then, and that have not been told."""
        assert self.window is not None
        starts, closed = self._panes.starts(), self.closed
        found = self.window.closing(starts, closed, until)
        if self._tells_zero:
            born = min(starts, default=until) if self._born is None else self._born
            found = sorted({*found, *self.window.every(max(closed, born), until)})
        self.closed = max(closed, until)
        return found

    @property
    def _tells_zero(self) -> bool:
        return self._recipe.zero and not self.indicator.by

    def _reading(self, span: Span) -> Reading:
        everything = self.window is None
        result = self._panes.merged(
            None if everything else span.start, None if everything else span.end
        )
        if self._tells_zero and not len(result):
            return Reading(span, NOTHING, np.zeros(1))
        return Reading(span, result, self._recipe.number(result, span.seconds))

    def metrics(self, reading: Reading) -> Iterator[Batch | None]:
        """The number itself; what it should be, and its state."""
        if self._recipe.histogram or self._grows:
            yield self._written(reading.span)
            return
        integers = self._recipe.integers
        yield gauges(self.name, self.indicator, reading, integers=integers)
        if isinstance(self.indicator, Judged):
            yield from judgements(self.name, self.indicator, reading)

    @property
    def _grows(self) -> bool:
        return self.window is None and self._recipe.grows is not None

    def _written(self, span: Span) -> Batch | None:
        """A sum or a histogram as a metric of its own: cumulative, or of a window."""
        monotonic = self._recipe.grows is not False
        what = metric(self.name, self.indicator, cumulative=self._grows, monotonic=monotonic)
        if self._grows:
            return self._panes.write(what, time=span.end, value=self._recipe.adds)
        return self._panes.write(
            what, time=span.end, start_time=max(0, span.start), first=span.start, last=span.end
        )

    def forget(self) -> None:
        """What was told has been passed on."""
        if self.window is not None and self.forgotten < self.closed:
            self._panes.drop(self.window.needed_from(self.closed))
            self._dimensions.next_round()
            self.forgotten = self.closed

    def restored(self, closed: int) -> None:
        """State was taken back into the stores; windows up to `closed` had been passed on."""
        self.closed = self.forgotten = closed
        self._dimensions.restore(self._panes.merged().labels())


def _so_far(span: Span, now: int) -> Span:
    """A window that is cut off now."""
    return Span(span.start, now) if span.start < now < span.end else span
