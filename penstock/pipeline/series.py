"""Verbs on series of metrics, with what they keep of each: bounded, and forgotten when idle.

Each takes a batch and a mask of its points, and returns the batch with what became of those.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from penstock import _kernel
from penstock.pipeline.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from penstock.pipeline.column import Mask

GaugeFold: TypeAlias = Literal["last", "sum", "min", "max"]
"""What a gauge of several sources shows: the newest value, the sum of what each says last, or the
least or greatest of a batch."""

NO_BUDGET = 2**32 - 1
"""For a series that counts in no budget of a kind."""

NEVER = 2**64 - 1
"""A time that no series begins at."""


@dataclass(frozen=True, slots=True)
class Report:
    """How many points a verb came upon that were not as usual. All but `resets` were dropped."""

    late: int = 0
    """Not newer than the point before: repeated or out of order."""
    full: int = 0
    """Of series that there is no room for."""
    unusable: int = 0
    """Not a number, or of another type than the series'."""
    resets: int = 0
    """Sources that began anew."""
    unknown: int = 0
    """First points of cumulative sources that may have been forgotten: they count from then on."""

    @property
    def dropped(self) -> int:
        """Points that were lost, which are all but those of resets and unknown sources."""
        return self.late + self.full + self.unusable


REASONS = tuple(field.name for field in fields(Report))


class _Verb:
    """A verb of the kernel with its series, which leave when idle for `ttl` seconds."""

    def __init__(
        self,
        native: _kernel.Admission | _kernel.Differences | _kernel.Fold | _kernel.Totals,
        ttl: float,
        clock: Callable[[], float],
    ) -> None:
        self._native = native
        self._ttl = ttl
        self._clock = clock
        self._begin = clock()
        self._swept = 0

    def __len__(self) -> int:
        """Series, or sources, that something is kept of."""
        return self._native.size()[0]

    @property
    def nbytes(self) -> int:
        """Memory that they take, besides the buckets of histograms."""
        return self._native.size()[1]

    def _now(self) -> int:
        """Seconds since the beginning. Once in a while the idle are forgotten."""
        now = int(self._clock() - self._begin) + 1
        if self._ttl and now - self._swept >= max(1, self._ttl / 10):
            self._swept = now
            self._native.expire(max(0, now - int(self._ttl)))
        return now


class Admission(_Verb):
    """The series that are let in, as budgets allow."""

    _native: _kernel.Admission

    KNOWN, NEW, TOO_FAST, OVER = range(4)
    """What becomes of points; from `OVER` on it is the position of the budget without room."""

    def __init__(
        self, limit: int, *, ttl: float = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """For `limit` series; one that is idle for `ttl` seconds leaves, with 0 none does."""
        super().__init__(_kernel.Admission(limit), ttl, clock)

    def add_budget(self, limit: int, last: int = 0) -> int:
        """One more budget, and its number: for `limit` series, `last` of them in the last places,
        for which one has to ask."""
        return self._native.add_budget(limit, last)

    def admit(
        self,
        series: NDArray[np.void],
        budgets: Sequence[NDArray[np.uint32]],
        room: int,
        *,
        last: bool = False,
    ) -> NDArray[np.uint8]:
        """What becomes of each point, given its series' identity and, by position, the numbers of
        the budgets that it counts in, or `NO_BUDGET`. At most `room` series are let in; to the
        `last` places of budgets too, or not."""
        codes = [np.ascontiguousarray(column, dtype=np.uint32).data for column in budgets]
        entries = self._native.admit(_ids(series), codes, last, room, self._now())
        return np.frombuffer(entries, dtype=np.uint8)

    def used(self) -> list[int]:
        """How many series each budget has in it."""
        return self._native.used()


class _Conversion(_Verb):
    """A verb that makes points of another temporality."""

    _Native: ClassVar[type[_kernel.Differences | _kernel.Totals]]

    def __init__(
        self, limit: int, *, ttl: float = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """For `limit` series; one that is idle for `ttl` seconds begins anew, with 0 none does."""
        super().__init__(self._Native(limit), ttl, clock)


class Totals(_Conversion):
    """Delta points as cumulative ones. The batch's temporality is changed where a point is."""

    _native: _kernel.Totals
    _Native = _kernel.Totals

    def apply(self, batch: Batch, where: Mask) -> tuple[Batch | None, Report]:
        """Add up the delta points where the mask is true."""
        return _result(self._native.apply(batch.native, _mask(where), self._now()))


class Differences(_Conversion):
    """Cumulative points as delta ones. The batch's temporality is changed where a point is."""

    _native: _kernel.Differences
    _Native = _kernel.Differences

    def apply(self, batch: Batch, where: Mask, since: int = 0) -> tuple[Batch | None, Report]:
        """Take apart the cumulative points where the mask is true. The first point of a series
        stays if it began at `since` or later, in Unix nanoseconds; with 0 every one does."""
        return _result(self._native.apply(batch.native, _mask(where), since, self._now()))


class Fold(_Verb):
    """Points of series that an edit made one, as one point. Totals stay right: what came to each
    source is added, for delta and for cumulative points, also when a source begins anew or comes in
    another batch than the others."""

    _native: _kernel.Fold

    def __init__(
        self,
        limit: int,
        *,
        gauge: GaugeFold = "last",
        ttl: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """For `limit` sources; those idle for `ttl` seconds are forgotten, with 0 none."""
        super().__init__(_kernel.Fold(limit, gauge), ttl, clock)

    def apply(
        self, batch: Batch, sources: NDArray[np.void], where: Mask
    ) -> tuple[Batch | None, Report]:
        """Fold the points where the mask is true into those of the series that they are of in
        `batch`; `sources` has the `series_ids()` that they had before the edit."""
        native = self._native.apply(batch.native, _ids(sources), _mask(where), self._now())
        return _result(native)

    def counts(self, sources: NDArray[np.void]) -> NDArray[np.bool_]:
        """Whether what came from each source is in a total: if it were passed on by itself, it
        would be there twice."""
        return np.frombuffer(self._native.counts(_ids(sources)), dtype=np.bool_)


def _ids(series: NDArray[np.void]) -> memoryview:
    return np.ascontiguousarray(series).view(np.uint64).data


def _mask(where: Mask) -> memoryview:
    return np.ascontiguousarray(where, dtype=np.bool_).view(np.uint8).data


def _result(
    answer: tuple[_kernel.Batch | None, list[int]],
) -> tuple[Batch | None, Report]:
    native, counts = answer
    return (None if native is None else Batch(native)), Report(*counts)
