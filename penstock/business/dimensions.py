"""By what an indicator is split, and how many values each dimension may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock.pipeline import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.business.items import Items
    from penstock.business.options import Dimension
    from penstock.business.sources import Source
    from penstock.pipeline import Mask
    from penstock.pipeline.panes import Keys

OTHER = "other"
"""What is shown in the place of values over the limit."""

MAX_LENGTH = 1024
"""Characters of a value that can tell items apart: every key holds its values."""


class Bound:
    """The values that a dimension has room for.

    A value keeps its place for as many rounds as a window has panes: `keep`; 0 is for ever.
    """

    def __init__(self, limit: int, keep: int) -> None:
        self._limit = limit
        self._keep = keep
        self._round = 0
        self._fresh: set[Any] = set()
        self._seen: dict[Any, int] = {}

    def admit(self, values: Iterable[Any]) -> None:
        """Give places to values that had some before."""
        for value in values:
            self._has_room(value)

    def next_round(self) -> None:
        """A pane is over: values that were not seen for long lose their places."""
        if self._keep:
            self._round += 1
            self._fresh.clear()
            last = self._round - self._keep
            self._seen = {value: seen for value, seen in self._seen.items() if seen >= last}

    def fold(self, column: Column, where: Mask) -> Column:
        """The column with `other` for values that there is no room for. Only values of items where
        the mask is true get places."""
        if self._fresh.issuperset(column.values):
            return column
        used = np.zeros(len(column.values), dtype=np.bool_)
        used[column.codes[where]] = True
        over = [
            code
            for code in np.flatnonzero(used).tolist()
            if column.values[code] not in self._fresh and not self._has_room(column.values[code])
        ]
        if not over:
            return column
        values = list(column.values)
        for code in over:
            values[code] = OTHER
        return Column(column.codes, values)

    def _has_room(self, value: Any) -> bool:
        if value not in self._seen and (len(self._seen) >= self._limit or _is_too_long(value)):
            return False
        self._seen[value] = self._round
        self._fresh.add(value)
        return True


def _is_too_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) > MAX_LENGTH


class Cut(NamedTuple):
    """Items by key; how many were put under `other`, by dimension."""

    keys: Keys
    folded: Mapping[str, int]


class Dimensions:
    """What an indicator is split by."""

    def __init__(self, options: Mapping[str, Dimension], source: Source, keep: int) -> None:
        self._options = {name: (source.value(it.value), it.default) for name, it in options.items()}
        self._bounds = {name: Bound(it.limit, keep) for name, it in options.items()}

    def missing(self, items: Items) -> Mask | None:
        """The items that lack one; `None` for none."""
        found: Mask | None = None
        for value, default in self._options.values():
            column = items.column(value, default)
            if None in column.values:
                lacking = column.where(lambda it: it is None)
                found = lacking if found is None else found | lacking
        return found

    def cut(self, items: Items, where: Mask) -> Cut:
        """Tell the items apart; only those where the mask is true matter."""
        columns, folded = {}, {}
        for name, (value, default) in self._options.items():
            column = items.column(value, default)
            columns[name] = self._bounds[name].fold(column, where)
            if columns[name] is not column:
                over = (columns[name] == OTHER) & ~(column == OTHER) & where
                folded[name] = int(over.sum())
        return Cut(items.keys(columns), folded)

    def restore(self, labels: Iterable[Mapping[str, Any]]) -> None:
        """Give places to the values of keys that there are."""
        for label in labels:
            for name, value in label.items():
                if name in self._bounds and value != OTHER:
                    self._bounds[name].admit([value])

    def next_round(self) -> None:
        """A pane is over."""
        for bound in self._bounds.values():
            bound.next_round()
