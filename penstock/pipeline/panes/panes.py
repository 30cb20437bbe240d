"""What items come to, by key and pane."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from penstock import _kernel
from penstock.pipeline.batch import Batch
from penstock.pipeline.panes.arrays import buffer
from penstock.pipeline.panes.result import Metric, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from penstock.pipeline.column import Mask
    from penstock.pipeline.panes.keys import Keys

Record: TypeAlias = tuple[bytes, bytes | None]
"""The key of a record, of at most 32 bytes, and what is to be there; `None` for nothing."""

Figure: TypeAlias = Literal["count", "sum", "min", "max", "mean", "last"]
"""A number that is written of a key."""

_FIRST: Final = -(2**63)
_LAST: Final = 2**63 - 1


class Panes:
    """What items come to, by key and pane. Threads may share it."""

    def __init__(
        self,
        shape: Mapping[str, Any],
        *,
        limit: int,
        exemplars: int = 0,
        tracked: bool = False,
    ) -> None:
        """For at most `limit` keys and the one for all others, with so many `exemplars` of each
        until they are written. Only where it is `tracked`, there are `changes`.

        `shape` is one of these. Raises `ValueError` for what makes no sense.

        - `{"counts": 2}`: items of so many classes, 8 at most;
        - `{"numbers": {}}`: count, sum, extremes and the last of values;
        - `{"histogram": [0.1, 1.0]}`: count, sum, extremes and buckets;
        - `{"exponential": {"max_size": 160}}`: the same, with exponential buckets of each sign;
        - `{"sketch": {"scale": 6, "max_buckets": 2048}}`: count, sum, extremes and quantiles, to
          `relative_error(scale)`; what is too small for the buckets is told as greater;
        - `{"distinct": {"precision": 12}}`: how many distinct hashes there were, exactly as long as
          they are few, then with a standard error of 1.04 / 2^(precision / 2);
        - `{"busy": {"max_intervals": 256, "pane": 300_000_000_000}}`: for how long something went
          on, however many at once; `pane` is its nanoseconds, 0 if it has no end. Of too many
          intervals, those with the least between them become one.
        """
        self._classes = "counts" in shape
        self._native = _kernel.Panes(json.dumps(shape), limit, exemplars, tracked)

    def add(  # noqa: PLR0913  (the columns that there can be)
        self,
        keys: Keys,
        *,
        now: int,
        where: Mask | None = None,
        panes: NDArray[np.int64] | int = 0,
        values: NDArray[Any] | None = None,
        classes: NDArray[np.uint8] | None = None,
        times: NDArray[np.int64] | None = None,
        hashes: NDArray[np.uint64] | None = None,
        weights: NDArray[np.float64] | None = None,
        exemplars: Batch | None = None,
    ) -> tuple[int, int]:
        """Add the items where the mask is true, at `now` in Unix nanoseconds, each to the pane of
        its start. How many went to the key for those that are too many, and how many could not be
        used: numbers that are none, negative weights and durations, unknown classes.

        Counts need nothing more, and take `classes`; distinct needs `hashes`, and the rest needs
        `values`. Of `last`, `times` say which that is. Busy takes the `times` when intervals began
        and their seconds as `values`; each is of the pane in which it ends, and of those before as
        far as they were not dropped. `weights` say how often items count, up to 2^32; parts of one
        are rounded so that sums are right on the average. `exemplars` are what items are, or whose
        events.

        Raises `ValueError` for columns that lack, or are not of as many items as the keys.
        """
        each = buffer(panes, np.int64) if isinstance(panes, np.ndarray) else None
        wanted = None if where is None else np.ascontiguousarray(where, np.bool_)
        return self._native.add(
            keys.native,
            now=now,
            pane=0 if isinstance(panes, np.ndarray) else int(panes),
            wanted=None if wanted is None else wanted.view(np.uint8).data,
            panes=each,
            values=buffer(values, np.float64),
            classes=buffer(classes, np.uint8),
            times=buffer(times, np.int64),
            hashes=buffer(hashes, np.uint64),
            weights=buffer(weights, np.float64),
            exemplars=None if exemplars is None else exemplars.native,
        )

    def merged(self, first: int | None = None, last: int | None = None) -> Result:
        """What the panes of each key came to that start from `first` on and before `last`."""
        native = self._native.merged(*_range(first, last))
        return Result(native, has_classes=self._classes)

    def starts(self) -> list[int]:
        """When panes start, in order."""
        return self._native.starts()

    def drop(self, before: int) -> int:
        """Forget the panes that start before; how many keys went, which have no others."""
        return self._native.drop(before)

    def expire(self, idle_since: int) -> int:
        """Forget the keys that nothing was added to since, in Unix nanoseconds; how many."""
        return self._native.expire(idle_since)

    def expire_resources(self, idle_since: int) -> int:
        """Forget the keys of resources to which nothing was added since; how many."""
        return self._native.expire_resources(idle_since)

    def write(  # noqa: PLR0913  (what metrics say)
        self,
        metric: Metric,
        *,
        time: int,
        start_time: int | None = None,
        first: int | None = None,
        last: int | None = None,
        value: Figure | int = "count",
        attributes: Mapping[str, Any] | None = None,
    ) -> Batch | None:
        """A metric with a point for each key, as `merged` has them, under their resources; `None`
        without any. Exemplars go with it.

        Histograms are written as such. Of counts and numbers, `value` is a class or a figure:
        counts and sums become sums, others gauges. Without a `start_time`, each key began when its
        first item was added. `attributes` are more of them, of every point. Raises `ValueError`
        for a figure that there is not.
        """
        from_, to = _range(first, last)
        written = self._native.write(
            metric,
            value,
            time=time,
            start_time=start_time,
            first=from_,
            last=to,
            attributes=list((attributes or {}).items()),
        )
        return None if written is None else Batch(written)

    def changes(self) -> list[Record]:
        """Records that changed since this was called last; those that are to go come first."""
        return self._native.changes()

    def restore(self, records: Sequence[tuple[bytes, bytes]]) -> int:
        """Take saved records back; how many were damaged or of another shape, and are left out."""
        return self._native.restore(records)

    def size(self) -> tuple[int, int]:
        """How many keys there are, and the bytes that they take."""
        return self._native.size()


def _range(first: int | None, last: int | None) -> tuple[int, int]:
    return _FIRST if first is None else first, _LAST if last is None else last
