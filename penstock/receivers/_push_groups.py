"""The groups of the Pushgateway: what was pushed last, under each set of labels."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock.pipeline import Batch, Refused
from penstock.receivers._posts import beside
from penstock.receivers._push_exposition import TIME, InconsistentError, times
from penstock.receivers._scrape_series import Series

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Labels = tuple[tuple[str, str], ...]
Types = dict[str, int]
"""What each metric is, by its name."""

_OVERHEAD = 2048
"""Bytes that a group takes besides its points."""

_NAME, _TYPE = "metric.name", "metric.type"


@dataclass
class Group:
    """What is held under a set of labels. It changes when what becomes of a change was taken."""

    labels: Labels
    current: Batch | None = None
    """What was pushed, of the time when it was."""
    series: Series = field(default_factory=lambda: Series(track_times=True))
    types: Types = field(default_factory=dict)
    pushed: float = 0.0
    failed: float = 0.0
    touched: float = 0.0
    """When it was last passed on, by the loop's clock."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    """How many have its turn, or wait for it."""

    @property
    def nbytes(self) -> int:
        """Memory that it takes, about."""
        return _size(self.current)

    def reset(self) -> None:
        """Be as before the first push."""
        self.current, self.types = None, {}
        self.series = Series(track_times=True)
        self.pushed = self.failed = 0.0

    def told(self, now: int) -> Batch:
        """When it was pushed, and when that failed."""
        return times(self.pushed, self.failed, dict(self.labels), now)


class _Change(NamedTuple):
    """What a push makes of a group, and what is to be passed on for that."""

    current: Batch | None
    series: Series
    types: Types
    news: list[Batch]


class Groups:
    """All groups, bounded in number and bytes. What they were and are is offered to `pass_on`; what
    that refuses leaves a group as it was."""

    def __init__(
        self, most: int, most_bytes: int, pass_on: Callable[[Batch], Awaitable[None]]
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._pass_on = pass_on
        self._groups: dict[Labels, Group] = {}
        self._busy: dict[Labels, Group] = {}
        """Those that somebody has the turn of, which are not among the others before the first push
        and after they were deleted."""
        self._types: dict[str, tuple[int, int]] = {}
        """By metric its type, and how many groups have it."""
        self._nbytes = 0

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def nbytes(self) -> int:
        """Memory that they take, about."""
        return self._nbytes

    async def push(self, labels: Labels, batch: Batch | None, now: int, *, replace: bool) -> None:
        """Put a batch of the time `now` in the place of all that a group has, or of what it has
        under the same names. Raises `InconsistentError` and whatever `pass_on` does."""
        async with self._turn(labels) as group:
            if batch is not None:
                self._check(group, batch)
            size = group.nbytes + (batch.nbytes if batch else 0)
            change = await beside(size, partial(_changed, group, batch, now, replace=replace))
            self._make_room(group, change.current)
            told = times(now / 1e9, group.failed, dict(labels), now)
            await self._pass_on(Batch.concat([*change.news, told]))
            group.pushed, group.series = now / 1e9, change.series
            self._keep(group, change.current, change.types)

    async def fail(self, labels: Labels, now: int) -> None:
        """Tell that a push of a group failed. Raises whatever `pass_on` does."""
        async with self._turn(labels) as group:
            self._make_room(group, group.current)
            group.failed = now / 1e9
            self._keep(group, group.current, group.types)
            await self._pass_on(group.told(now))

    async def delete(self, labels: Labels, now: int) -> None:
        """Forget a group, and tell that its series are gone. Raises whatever `pass_on` does."""
        async with self._turn(labels) as group:
            if labels not in self._groups:
                return
            gone = copy(group.series).end(now)
            await self._pass_on(Batch.concat([*gone, group.told(now).stale(now)]))
            self._forget(group)
            group.reset()

    async def repeat(self, interval: float) -> None:
        """Pass on again what was not passed on for so many seconds, as of now."""
        before = time.monotonic() - interval
        for labels in [it.labels for it in self._groups.values() if it.touched <= before]:
            async with self._turn(labels) as group:
                if labels in self._groups:
                    now = time.time_ns()
                    again = await beside(group.nbytes, partial(_again, group, now))
                    await self._pass_on(again)
                    group.touched = time.monotonic()

    async def expire(self, age: float) -> None:
        """Delete the groups that were not pushed for so many seconds."""
        before = time.time() - age
        for group in list(self._groups.values()):
            if max(group.pushed, group.failed) <= before:
                await self.delete(group.labels, time.time_ns())

    @asynccontextmanager
    async def _turn(self, labels: Labels) -> AsyncIterator[Group]:
        """The group, for one at a time."""
        group = self._busy.get(labels) or self._groups.get(labels) or Group(labels)
        self._busy[labels] = group
        group.users += 1
        try:
            async with group.turn:
                yield group
        finally:
            group.users -= 1
            if not group.users:
                del self._busy[labels]

    def _check(self, group: Group, batch: Batch) -> None:
        for name, type_ in _types(batch).items():
            known, holders = self._types.get(name, (type_, 0))
            if known != type_ and holders > (name in group.types):
                msg = f"the metric {name[:200]!r} has another type in another group"
                raise InconsistentError(msg)

    def _make_room(self, group: Group, current: Batch | None) -> None:
        """Raises `Refused` where there is none."""
        known = group.labels in self._groups
        size = self._nbytes - (group.nbytes if known else 0) + _size(current)
        if size > self._most_bytes or len(self._groups) + (not known) > self._most:
            msg = "there is no room for more groups; delete some, or let them expire"
            raise Refused(msg, retry_after=60.0)

    def _keep(self, group: Group, current: Batch | None, types: Types) -> None:
        if group.labels in self._groups:
            self._forget(group)
        group.current, group.types, group.touched = current, types, time.monotonic()
        self._groups[group.labels] = group
        self._nbytes += group.nbytes
        for name, type_ in types.items():
            self._types[name] = type_, self._types.get(name, (type_, 0))[1] + 1

    def _forget(self, group: Group) -> None:
        del self._groups[group.labels]
        self._nbytes -= group.nbytes
        for name in group.types:
            type_, holders = self._types.pop(name)
            if holders > 1:
                self._types[name] = type_, holders - 1


def _size(current: Batch | None) -> int:
    """What a group with these points takes: it has them a second time, to see which are gone."""
    return _OVERHEAD + 2 * (current.nbytes if current else 0)


def _again(group: Group, now: int) -> Batch:
    again = [group.current.set(TIME, now)] if group.current else []
    return Batch.concat([*again, group.told(now)])


def _changed(group: Group, batch: Batch | None, now: int, *, replace: bool) -> _Change:
    parts = [batch] if batch is not None else []
    if group.current is not None and not replace:
        kept = group.current
        if batch is not None:
            names = batch.column(_NAME).values
            left = kept.keep(~kept.column(_NAME).isin(names))
            parts += [left] if left is not None else []
        else:
            parts.append(kept)
    series = copy(group.series)
    if not parts:
        return _Change(None, series, {}, series.end(now))
    (current, *gone), _ = series.follow(Batch.concat(parts), now)
    fresh = current.keep(current.numbers(TIME) == now)
    news = gone if fresh is None else [fresh, *gone]
    return _Change(current, series, _types(current), news)


def _types(batch: Batch) -> Types:
    """What each metric of a batch is. Raises `InconsistentError` for one that is several things."""
    names, types = batch.column(_NAME), batch.column(_TYPE)
    pairs = np.unique(np.stack([names.codes, types.codes]), axis=1).T.tolist()
    found = {names.values[name]: types.values[type_] for name, type_ in pairs}
    if len(found) < len(pairs):
        msg = "a metric has several types"
        raise InconsistentError(msg)
    return found
