"""What panes came to together, and metrics that are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline.batch import Batch
from penstock.pipeline.panes.arrays import buffer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock import _kernel
    from penstock.pipeline.column import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How a metric is called, and how it is written."""

    name: str
    unit: str = ""
    description: str = ""
    scope: str = ""
    version: str = ""
    """Of the scope."""
    monotonic: bool = True
    """Of sums."""
    cumulative: bool = False
    """Of sums and histograms; else they are deltas."""


class Result:
    """What was merged. Arrays have an element for each key; what the shape does not have raises
    `ValueError`, and what no value came to is NaN."""

    __slots__ = ("_has_classes", "_native")

    def __init__(self, native: _kernel.Result, *, has_classes: bool) -> None:
        self._native = native
        self._has_classes = has_classes

    def __len__(self) -> int:
        return len(self._native)

    def labels(self) -> list[dict[str, Any]]:
        """The attributes of each key."""
        return self._native.labels()

    def resources(self) -> list[dict[str, Any]]:
        """The attributes of each key's resource; none where resources do not tell keys apart."""
        return self._native.resources()

    def ids(self) -> NDArray[np.void]:
        """The identity of each key, the same in all panes of this process: fields `id`, the same
        in every process, and `check`."""
        return np.frombuffer(self._native.ids(), dtype=[("id", "u8"), ("check", "u8")])

    def counts(self) -> NDArray[np.int64]:
        """How many items or values there were; of counts a row for each key, with its classes."""
        if self._has_classes:
            return self._rows()
        return self._figures("count").astype(np.int64)

    def buckets(self) -> NDArray[np.int64]:
        """How many values are in each bucket of a histogram: a row for each key."""
        return self._rows()

    def sum(self) -> NDArray[np.float64]:
        """What values came to."""
        return self._figures("sum")

    def min(self) -> NDArray[np.float64]:
        """The least value."""
        return self._figures("min")

    def max(self) -> NDArray[np.float64]:
        """The greatest value."""
        return self._figures("max")

    def mean(self) -> NDArray[np.float64]:
        """The average of values."""
        return self._figures("mean")

    def last(self) -> NDArray[np.float64]:
        """The value of the last time; the greatest, if there are several."""
        return self._figures("last")

    def quantile(self, share: float) -> NDArray[np.float64]:
        """The least value that such a part of all, from 0 to 1, is not over."""
        return self._figures("quantile", share)

    def distinct(self) -> NDArray[np.int64]:
        """About how many distinct values there were."""
        return self._figures("distinct").astype(np.int64)

    def busy(self) -> NDArray[np.float64]:
        """For how many seconds something went on."""
        return self._figures("busy")

    def gauges(  # noqa: PLR0913  (what metrics say)
        self,
        metric: Metric,
        values: NDArray[np.float64],
        *,
        time: int,
        start_time: int = 0,
        where: Mask | None = None,
        integers: bool = False,
        attributes: Mapping[str, Any] | None = None,
    ) -> Batch | None:
        """Gauges with these values, of the keys where the mask is true and that have a number;
        `None` without any."""
        shown = values if where is None else np.where(where, values, np.nan)
        written = self._native.gauges(
            metric,
            buffer(shown, np.float64),
            time=time,
            start_time=start_time,
            integers=integers,
            attributes=list((attributes or {}).items()),
        )
        return None if written is None else Batch(written)

    def _figures(self, name: str, share: float | None = None) -> NDArray[np.float64]:
        return np.frombuffer(self._native.figures(name, share), dtype=np.float64)

    def _rows(self) -> NDArray[np.int64]:
        counts, width = self._native.counts()
        return np.frombuffer(counts, dtype=np.int64).reshape(len(self), width)
