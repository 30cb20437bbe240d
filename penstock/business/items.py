"""What a batch has of a source, each thing read once, whoever asks for it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from penstock.ottl import Draft
from penstock.ottl.values import Failure
from penstock.pipeline import Column
from penstock.pipeline.panes import Keys

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from penstock.business.sources import Source
    from penstock.business.windows import Window
    from penstock.ottl import Condition, Reporter, Value
    from penstock.ottl.draft import Place
    from penstock.pipeline import Batch, Mask

    Times = NDArray[np.int64]

_NUMBER = "datapoint.value"


class Items:
    """The items of a batch as indicators see them. What has no time happened `now`."""

    def __init__(
        self,
        batch: Batch,
        source: Source,
        now: int,
        reporter: Reporter,
        places: Collection[Place] = (),
    ) -> None:
        """`places` are read at once."""
        draft = Draft(batch)
        draft.read(places)
        self._spans = draft
        self.batch = batch
        self._draft = draft.events if source.context == "spanevent" else draft
        self._source = source
        self._now = now
        self._reporter = reporter
        self._length = len(self._draft)
        self._masks: dict[str, Mask] = {}
        self._numbers: dict[str | None, NDArray[np.float64]] = {}
        self._columns: dict[tuple[str, Any], Column] = {}
        self._keys: dict[tuple[tuple[str, int], ...], tuple[Mapping[str, Column], Keys]] = {}
        self._panes: dict[tuple[Window, int], Times] = {}

    @property
    def read(self) -> frozenset[Place]:
        """What has been read of them."""
        return self._spans.known

    def __len__(self) -> int:
        return self._length

    @cached_property
    def everything(self) -> Mask:
        """All of them."""
        return np.ones(len(self), dtype=np.bool_)

    @cached_property
    def times(self) -> Times:
        """When each happened."""
        times = np.zeros(len(self), dtype=np.int64)
        for path in self._source.times:
            if not times.all():
                times = np.where(times == 0, self.batch.numbers(path), times)
        return np.where(times == 0, self._now, times) if not times.all() else times

    @cached_property
    def begins(self) -> Times:
        """When each span began."""
        found: Times = self.batch.numbers("span.start_time_unix_nano")
        return found

    @cached_property
    def newest(self) -> int:
        """The last time of all."""
        return int(self.times.max())

    @cached_property
    def oldest(self) -> int:
        """The first."""
        return int(self.times.min())

    def panes(self, window: Window, since: int) -> Times:
        """The pane of each by its start; what happened before `since` is put there."""
        known = self._panes.get((window, since))
        if known is None:
            known = window.starts(np.maximum(self.times, since))
            self._panes[window, since] = known
        return known

    def mask(self, condition: Condition) -> Mask:
        """For which ones it is true."""
        known = self._masks.get(condition.text)
        if known is None:
            known = self._masks[condition.text] = condition.mask(self._draft, self._reporter)
        return known

    def numbers(self, value: Value | None) -> NDArray[np.float64]:
        """The number of each; without an expression, that of a data point."""
        text = value.text if value else None
        known = self._numbers.get(text)
        if known is None:
            known = value.numbers(self._draft) if value else self.batch.numbers(_NUMBER)
            self._numbers[text] = known
        return known

    def column(self, value: Value | None, default: Any = None) -> Column:
        """The value of each, `default` where there is none."""
        text = (value.text if value else "", default)
        known = self._columns.get(text)
        if known is None:
            found = value.column(self._draft) if value else self.batch.column(_NUMBER)
            known = self._columns[text] = _plain(found, default)
        return known

    def keys(self, columns: Mapping[str, Column]) -> Keys:
        """By what items are told apart."""
        which = tuple((name, id(column)) for name, column in columns.items())
        if which not in self._keys:  # the columns are held, so that no other gets the same id
            self._keys[which] = (columns, Keys(len(self), columns))
        return self._keys[which][1]


def _plain(column: Column, default: Any) -> Column:
    """A column of what can be an attribute and compared: maps and lists as text."""
    values = column.values
    if not _PLAIN.issuperset(map(type, values)):
        values = [_as_plain(value) for value in values]
    if default is not None and None in values:
        values = [default if value is None else value for value in values]
    return Column(column.codes, values)


def _as_plain(value: Any) -> Any:
    if type(value) is Failure:
        return None
    if type(value) in _PLAIN:
        return value
    if isinstance(value, bytes):
        return value.hex()
    return orjson.dumps(value, default=str).decode()


_PLAIN = frozenset({str, int, float, bool, type(None)})
