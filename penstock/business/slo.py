"""A service level objective: what is left of its error budget, and how fast it burns."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from penstock.business.lengths import nanoseconds, written
from penstock.business.measure import Measure
from penstock.business.readings import Reading, gauges
from penstock.business.recipes import share
from penstock.business.windows import Span, Tumbling
from penstock.pipeline.panes import Panes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from penstock.business.accounts import Account
    from penstock.business.items import Items
    from penstock.business.kinds import Slo
    from penstock.business.measure import Timing
    from penstock.business.recipes import Feed, Recipe
    from penstock.pipeline import Batch, Mask
    from penstock.pipeline.panes import Keys, Pairs

FINE = 10
"""Panes in the shortest time: it is a tenth too long at most."""

SHORT = 120
"""Fine panes up to which a time is made of them; what is longer is made of coarse ones."""

COARSE = 1440
"""Coarse panes in the period: half an hour of a month."""


class Level:
    """Panes of one length, for as long as the longest of some times."""

    def __init__(self, pane: int, longest: int, limit: int, *, tracked: bool) -> None:
        self.panes = Panes({"counts": 2}, limit=limit, tracked=tracked)
        self.time = Tumbling(pane)
        self._longest = longest

    def since(self, now: int) -> int:
        """What starts before is not needed any more."""
        return max(0, self.time.floor(now - self._longest))

    def reading(self, length: int, now: int) -> Reading:
        """The share of what was good in the last time of a length."""
        result = self.panes.merged(self.time.floor(now - length), self.time.after(now))
        return Reading(Span(now - length, now), result, share(result))


class Objective(Measure):
    """Counts good and bad in panes of two lengths."""

    indicator: Slo

    def __init__(  # noqa: PLR0913  (what it is made of)
        self,
        name: str,
        indicator: Slo,
        recipe: Recipe,
        account: Account,
        timing: Timing,
        *,
        tracked: bool,
    ) -> None:
        super().__init__(name, indicator, recipe, account, timing)
        self._period = nanoseconds(indicator.period)
        lengths = [nanoseconds(it) for it in indicator.burn_windows]
        fine = ceil(min([*lengths, self._period]) / FINE)
        coarse = max(fine, ceil(self._period / COARSE))
        short = [it for it in lengths if it <= SHORT * fine]
        limit = indicator.limit
        self._fine = Level(fine, max(short, default=0), limit, tracked=tracked)
        self._coarse = Level(coarse, self._period, limit, tracked=tracked)
        self._burns = {it: self._fine if it in short else self._coarse for it in lengths}

    @property
    def stores(self) -> Mapping[str, Panes | Pairs]:
        """What has a state, by name."""
        return {"fine": self._fine.panes, "coarse": self._coarse.panes}

    def _late(self, items: Items, feed: Feed, now: int) -> Mask | None:  # noqa: ARG002  (as all)
        since = self._coarse.since(now)
        return items.times < since if items.oldest < since else None

    def _store(self, items: Items, keys: Keys, feed: Feed, now: int) -> tuple[int, int]:
        for level in (self._fine, self._coarse):
            since = level.since(now)
            where = feed.where if items.oldest >= since else feed.where & (items.times >= since)
            panes = items.panes(level.time, since)
            outcome = level.panes.add(keys, now=now, where=where, panes=panes, **feed.columns)
        return outcome

    def due(self, now: int) -> list[Reading]:
        """How it is now."""
        self.closed = now
        return [self._coarse.reading(self._period, now)]

    def last(self, now: int) -> list[Reading]:
        """How it is in the end."""
        return self.due(now)

    def metrics(self, reading: Reading) -> Iterator[Batch | None]:
        """The share of what is good, the share of the error budget that is left, and how many times
        faster than evenly over the period it burns."""
        name, now = self.name, reading.span.end
        yield gauges(name, self.indicator, reading)
        left = reading._replace(values=1 - self._burnt(reading))
        says = "Share of the error budget that is left."
        yield gauges(f"{name}_error_budget_remaining", self.indicator, left, description=says)
        says = "How many times faster than evenly over the period the error budget burns."
        for length, level in self._burns.items():
            burnt = level.reading(length, now)
            burnt = burnt._replace(values=self._burnt(burnt))
            window = {"window": written(length / 1_000_000_000)}
            yield gauges(
                f"{name}_burn_rate",
                self.indicator,
                burnt,
                attributes=window,
                unit="",
                description=says,
            )

    def _burnt(self, reading: Reading) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return (1 - reading.values) / (1 - self.indicator.objective)

    def forget(self) -> None:
        """What was told has been passed on."""
        for level in (self._fine, self._coarse):
            level.panes.drop(level.since(self.closed))
        self._dimensions.next_round()

    def restored(self, closed: int) -> None:
        """State was taken back into the stores."""
        self.closed = closed
        self._dimensions.restore(self._coarse.panes.merged().labels())
