"""What a target's series were, so that it shows which are gone, new, or began to count anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Batch, Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Mask

_DISTRIBUTIONS = (3, 4, 5)
"""`metric.type` of histograms, exponential histograms and summaries, which count observations."""

_START, _TIME = "datapoint.start_time_unix_nano", "datapoint.time_unix_nano"


class Series:
    """The series of one target, from scrape to scrape."""

    def __init__(self, *, track_times: bool) -> None:
        """With `track_times`, series are followed too whose samples have times of their own."""
        self._track_times = track_times
        self._followed: Batch | None = None
        self._known: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._values: NDArray[np.float64] = np.empty(0)
        self._starts: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def follow(self, batch: Batch | None, now: int) -> tuple[list[Batch], int]:
        """What a scrape brought, and points that tell which series are gone: as batches, and how
        many series are new. `now` is in Unix nanoseconds."""
        if batch is None:
            return self.end(now), 0
        keys = _keys(batch)
        gone = self._gone(keys, now)
        new = int((~np.isin(keys, self._known)).sum())
        started = self._started(batch, keys, now)
        self._followed = batch if self._track_times else batch.keep(batch.numbers(_TIME) == now)
        return [started, *gone], new

    def end(self, now: int) -> list[Batch]:
        """Points that tell that every series is gone."""
        followed, self._followed = self._followed, None
        return [] if followed is None else [followed.stale(now)]

    def _gone(self, keys: NDArray[np.uint64], now: int) -> list[Batch]:
        if self._followed is None:
            return []
        gone = self._followed.keep(~np.isin(_keys(self._followed), keys))
        return [] if gone is None else [gone.stale(now)]

    def _started(self, batch: Batch, keys: NDArray[np.uint64], now: int) -> Batch:
        """The batch with the starts of what counts: those that the target told, or since when the
        series is known and has not become less."""
        values, counts = _counted(batch)
        told = batch.numbers(_START)
        starts = np.where(told > 0, told, self._start(keys, values, now))
        order = np.argsort(keys)
        self._known, self._values, self._starts = keys[order], values[order], starts[order]
        missing = counts & (told == 0)
        if not missing.any():
            return batch
        distinct, codes = np.unique(starts, return_inverse=True)
        column = Column(codes.astype(np.uint32), distinct.tolist())
        return batch.set(_START, column, missing)

    def _start(
        self, keys: NDArray[np.uint64], values: NDArray[np.float64], now: int
    ) -> NDArray[np.int64]:
        if not len(self._known):
            return np.full(len(keys), now)
        place = np.minimum(np.searchsorted(self._known, keys), len(self._known) - 1)
        same = (self._known[place] == keys) & (values >= self._values[place])
        return np.where(same, self._starts[place], now)


def _keys(batch: Batch) -> NDArray[np.uint64]:
    """What tells series apart: nobody can make two that are equal in this."""
    found: Any = batch.series_ids()["check"]
    return np.ascontiguousarray(found)


def _counted(batch: Batch) -> tuple[NDArray[np.float64], Mask]:
    """How far each point has counted, and which points count at all."""
    distributions = batch.column("metric.type").isin(_DISTRIBUTIONS)
    values = np.where(
        distributions, batch.numbers("datapoint.count"), batch.numbers("datapoint.value_double")
    )
    return values, distributions | (batch.column("metric.is_monotonic") == True)  # noqa: E712
