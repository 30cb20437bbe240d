"""The attributes at one path of a batch, with changes that are written together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Batch, Column, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from penstock.pipeline.batch import Mask
    from penstock.pipeline.edits import Edits

ITEM = {Signal.TRACES: "span", Signal.METRICS: "datapoint", Signal.LOGS: "log"}
"""What an item is called in paths."""

MANY = 64
"""Keys from which attributes are changed as a whole: one pass of edits holds as many, and looking
for each key among as many others would take their square."""


def path_to(attributes: str, key: str) -> str:
    """The path of a key's value in the attributes at a path."""
    escaped = key.translate(_ESCAPES)
    return f'{attributes}["{escaped}"]'


_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x20), ord('"'), ord("\\"))}


def both(one: Mask | None, other: Mask | None) -> Mask | None:
    """Where both masks are true; `None` is everywhere."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def present(column: Column) -> Mask:
    """Where there is a value."""
    return column.where(lambda value: value is not None)


def everywhere(length: int, value: Any) -> Column:
    """A column of one value."""
    return Column(np.zeros(length, dtype=np.uint32), [value])


def overlaid(below: Column, above: Column, where: Mask | None) -> Column:
    """`above` where the mask is true, `below` elsewhere."""
    if where is None:
        return above
    shifted = above.codes + np.uint32(len(below.values))
    return Column(np.where(where, shifted, below.codes), below.values + above.values)


def combined(columns: Sequence[Column], function: Callable[[list[Any]], Any]) -> Column:
    """A column of a function of several, called once a distinct combination."""
    codes = columns[0].codes.astype(np.int64)
    several = [column for column in columns[1:] if len(column.values) > 1]
    for column in several:  # what is the same everywhere makes no difference
        codes = np.unique(codes * len(column.values) + column.codes, return_inverse=True)[1]
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    rows = [[column.values[column.codes[item]] for column in columns] for item in first.tolist()]
    return Column(codes.astype(np.uint32), [function(row) for row in rows])


class Attributes:
    """The attributes at `path`, such as `span.attributes`. What is set is read back at once, and
    written by `apply`."""

    def __init__(self, batch: Batch, path: str) -> None:
        self.batch = batch
        self.path = path
        self._changes: dict[str, tuple[Column, Mask | None]] = {}

    def __len__(self) -> int:
        """Items, or span events where the path leads to those."""
        inside = self.path.startswith("spanevent")
        return len(self.batch.owners()) if inside else len(self.batch)

    def get(self, key: str) -> Column:
        """What each item has under `key`, `None` where it is absent."""
        column, where = self._changes.get(key, (None, None))
        if column is None:
            return self.batch.column(path_to(self.path, key))
        if where is None:
            return column
        return overlaid(self.batch.column(path_to(self.path, key)), column, where)

    def set(self, key: str, value: Any, where: Mask | None = None) -> None:
        """Let `key` have a value, or each item its own from a `Column`, where the mask is true.
        `None` deletes."""
        if where is not None and not where.any():
            return
        column = value if isinstance(value, Column) else everywhere(len(self), value)
        before = self._changes.get(key)
        if before is not None and where is not None:
            column = overlaid(before[0], column, where)
            where = None if before[1] is None else before[1] | where
        self._changes[key] = column, where

    def keys(self) -> list[str]:
        """Every key that may occur."""
        return list(dict.fromkeys([*self.batch.keys(self.path), *self._changes]))

    def change(
        self, keys: Collection[str], function: Callable[[Any], Any], where: Mask | None = None
    ) -> None:
        """Let `keys` have `function` of what they have."""
        if len(keys) > MANY:
            self._change_as_a_whole(keys, function, where)
            return
        for key in keys:
            column = self.get(key)
            self.set(key, column.map(function), both(where, present(column)))

    def keep_keys(self, keys: Iterable[str], where: Mask | None = None) -> None:
        """Leave only these keys."""
        edits = self.edits().keep_keys(self.path, keys, where)
        self.batch, self._changes = edits.apply(), {}

    def apply(self) -> Batch:
        """The batch with every change."""
        if self._changes:
            self.batch, self._changes = self.edits().apply(), {}
        return self.batch

    def edits(self) -> Edits:
        """The changes as edits of `batch`, to which others can be added."""
        edits = self.batch.edit()
        for key, (column, where) in self._changes.items():
            edits.set(path_to(self.path, key), column, where)
        return edits

    def _change_as_a_whole(
        self, keys: Collection[str], function: Callable[[Any], Any], where: Mask | None
    ) -> None:
        wanted = set(keys)

        def changed(attributes: dict[str, Any]) -> dict[str, Any]:
            return {
                key: function(value) if key in wanted and value is not None else value
                for key, value in attributes.items()
            }

        column = self.apply().column(self.path)
        self.batch = self.batch.set(self.path, column.map(changed), where)
