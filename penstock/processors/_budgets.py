"""Budgets of series: which of them a point's series counts in, and how many each may hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline.series import NO_BUDGET, Admission
from penstock.processors._attributes import combined, path_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock.pipeline import Batch
    from penstock.processors.cardinality_limit import Config

MAX_SERIES, PER_METRIC, PER_RESOURCE = range(3)
"""The kinds of budgets, in the order of their positions in `Admission`."""

TOO_FAST = "max_new_series"
REASONS = ("max_series", "per_metric", "per_resource")
"""The options that say how many, by kind."""

UNLIMITED = 2**62
"""The limit of metrics without one, whose series are counted all the same."""

_MOST = 20_000
"""Metrics and resources with budgets of their own; more share one of each kind."""

_RESERVE = 10
"""One in so many places of a budget is for what is folded into."""


def reserve(limit: int) -> int:
    """Places of a budget that are kept for overflow series."""
    return max(1, limit // _RESERVE) if limit else 0


class Budgets:
    """Lets series in as the settings say. The last places are for what others are folded into."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._limits: list[int] = []
        self._of: dict[tuple[int, Any], int] = {}
        self._admission = Admission(config.max_series, ttl=config.ttl, clock=clock)
        self._add(config.max_series)
        self._rate = Rate(config.max_new_series, config.new_series_interval, clock)

    def __len__(self) -> int:
        return len(self._admission)

    @property
    def nbytes(self) -> int:
        """Memory of the series."""
        return self._admission.nbytes

    def admit(
        self, batch: Batch, series: NDArray[np.void], *, last: bool = False
    ) -> NDArray[np.uint8]:
        """What becomes of each point, as `Admission` says; series that others are folded into may
        have the last places."""
        budgets = [
            np.zeros(len(batch), dtype=np.uint32),
            self._by(PER_METRIC, "metric.name", batch),
            self._by_resource(batch),
        ]
        room = len(batch) if last else self._rate.room()
        entries = self._admission.admit(series, budgets, room, last=last)
        if not last:
            self._rate.take(int(np.count_nonzero(entries == Admission.NEW)))
        return entries

    def used(self) -> list[tuple[str, Any, int, int]]:
        """Option, what it is for, how many series are in, and how many may be."""
        counts = self._admission.used()
        total = [("max_series", "", counts[0], self._limits[0])]
        rest = self._of.items()
        return total + [
            (REASONS[kind], name, counts[index], self._limits[index])
            for (kind, name), index in rest
        ]

    def limit(self, metric: str) -> int:
        """How many series a metric may have; 0 for as many as there is room for."""
        limit: int | None = self._config.override_for(metric, "per_metric")
        return self._config.per_metric if limit is None else limit

    def _by(self, kind: int, path: str, batch: Batch) -> NDArray[np.uint32]:
        column = batch.column(path)
        return self._indices(kind, column.values)[column.codes]

    def _by_resource(self, batch: Batch) -> NDArray[np.uint32]:
        keys = self._config.resource_keys
        if not keys or not self._config.per_resource:
            return np.full(len(batch), NO_BUDGET, dtype=np.uint32)
        columns = [batch.column(path_to("resource.attributes", key)) for key in keys]
        groups = combined(columns, lambda values: " ".join(map(str, values)))
        return self._indices(PER_RESOURCE, groups.values)[groups.codes]

    def _indices(self, kind: int, names: list[Any]) -> NDArray[np.uint32]:
        return np.array([self._index(kind, name) for name in names], dtype=np.uint32)

    def _index(self, kind: int, name: Any) -> int:
        known = self._of.get((kind, name))
        if known is not None:
            return known
        if len(self._of) >= _MOST:
            name = "(others)"
            known = self._of.get((kind, name))
        if known is None:
            limit = self._config.per_resource if kind == PER_RESOURCE else self.limit(name)
            known = self._of[kind, name] = self._add(limit or UNLIMITED)
        return known

    def _add(self, limit: int) -> int:
        self._limits.append(limit)
        return self._admission.add_budget(limit, reserve(limit))


class Rate:
    """How many new series there may be in a time: what is not used is there later, up to `most`."""

    def __init__(self, most: int, interval: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._interval = interval
        self._clock = clock
        self._left = float(most)
        self._then = clock()

    def room(self) -> int:
        """How many may come now."""
        if not self._most:
            return 2**63
        now = self._clock()
        gained = (now - self._then) * self._most / self._interval
        self._left = min(float(self._most), self._left + gained)
        self._then = now
        return int(self._left)

    def take(self, count: int) -> None:
        """So many came."""
        self._left -= count
