"""Indicators that are made of items: which items count, under which key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from penstock.business.dimensions import Dimensions
from penstock.business.lengths import nanoseconds
from penstock.business.options import window_of
from penstock.business.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from penstock.business.accounts import Account
    from penstock.business.clocks import Clock
    from penstock.business.items import Items
    from penstock.business.options import Measured
    from penstock.business.readings import Reading
    from penstock.business.recipes import Feed, Recipe
    from penstock.business.windows import Window
    from penstock.pipeline import Batch, Mask
    from penstock.pipeline.panes import Keys, Pairs, Panes


class Timing:
    """What measures of a set have in common: time."""

    def __init__(self, clock: Clock, zone: tzinfo, lateness: float) -> None:
        self.clock = clock
        self.lateness = nanoseconds(lateness)
        self._zone = zone
        self._windows: dict[object, Window] = {}

    def window(self, option: object) -> Window | None:
        """The window of an option, the same for equal ones."""
        if option is None:
            return None
        if option not in self._windows:
            self._windows[option] = window_of(option, self._zone)  # type: ignore[arg-type]
        return self._windows[option]

    def rounds(self, window: Window | None) -> int:
        """For how many panes a value may be needed after it was seen; 0 for ever."""
        if window is None:
            return 0
        start = window.floor(self.clock.now())
        pane = window.after(start) - start
        whole = start - window.needed_from(start) + pane + self.lateness
        return ceil(whole / pane) + 1


class Measure(ABC):
    """An indicator with what it has added up.

    What was told of windows up to `closed` is final: what happened before is late. They are
    forgotten when that has been passed on, by `forget`, and so they are `forgotten` up to then.
    """

    window: Window | None = None
    zero = False
    """Whether a key that it lacks has 0."""
    closed = 0
    forgotten = 0

    def __init__(
        self, name: str, indicator: Measured, recipe: Recipe, account: Account, timing: Timing
    ) -> None:
        source = SOURCES[indicator.source]
        self.name = name
        self.indicator = indicator
        self.account = account
        self._timing = timing
        self._recipe = recipe
        self._where = source.condition(indicator.where) if indicator.where else None
        self.window = timing.window(getattr(indicator, "window", None))
        self._dimensions = Dimensions(indicator.dimensions, source, timing.rounds(self.window))

    @property
    @abstractmethod
    def stores(self) -> Mapping[str, Panes | Pairs]:
        """What has a state, by name."""

    @abstractmethod
    def due(self, now: int) -> list[Reading]:
        """The numbers of windows that are complete, and of what is told before it is."""

    @abstractmethod
    def last(self, now: int) -> list[Reading]:
        """The numbers of all windows: nothing comes any more."""

    @abstractmethod
    def metrics(self, reading: Reading) -> Iterator[Batch | None]:
        """What becomes of a reading."""

    @abstractmethod
    def forget(self) -> None:
        """What was told has been passed on."""

    @abstractmethod
    def restored(self, closed: int) -> None:
        """State was taken back into the stores; windows up to `closed` had been passed on."""

    @abstractmethod
    def _late(self, items: Items, feed: Feed, now: int) -> Mask | None:
        """The items that come too late; `None` for none."""

    @abstractmethod
    def _store(self, items: Items, keys: Keys, feed: Feed, now: int) -> tuple[int, int]:
        """Add items up: how many came under the overflow key, and how many could not be used."""

    def take(self, items: Items, now: int) -> None:
        """Add up what matches."""
        where = self._matching(items)
        if where is None:
            return
        latest = self._timing.clock.latest()
        if items.newest > latest:
            where = self.account.without(where, items.times > latest, "future")
        feed = self._recipe.feed(items, where)
        for reason, count in feed.left_out.items():
            self.account.leave_out(reason, count)
        where = self.account.without(feed.where, self._late(items, feed, now), "late")
        where = self.account.without(where, self._dimensions.missing(items), "missing_dimension")
        if where.any():
            self._add(items, feed._replace(where=where), now)

    def _matching(self, items: Items) -> Mask | None:
        """The items that matter; `None` for none."""
        where = items.mask(self._where) if self._where else items.everything
        if self._recipe.any_of:
            where = where & np.logical_or.reduce([items.mask(it) for it in self._recipe.any_of])
        matched = int(np.count_nonzero(where))
        self.account.matched += matched
        return where if matched else None

    def _add(self, items: Items, feed: Feed, now: int) -> None:
        keys, folded = self._dimensions.cut(items, feed.where)
        for dimension, count in folded.items():
            self.account.fold(dimension, count)
        over, unusable = self._store(items, keys, feed, now)
        self.account.leave_out("overflow", over)
        self.account.leave_out("not_a_number", unusable)
