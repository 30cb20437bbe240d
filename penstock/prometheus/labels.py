"""Label sets as columns, so that rules look at distinct values and not at each series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penstock.pipeline.batch import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from penstock.pipeline.batch import Mask

NAME = "__name__"
"""The label that holds a metric's name."""


class LabelSets:
    """So many label sets: for each label a column of texts, empty where a set lacks the label.

    `kept` are those that no rule dropped, `written` the labels that a rule may have changed.
    `columns` are asked for what rules look at, and for nothing else.
    """

    def __init__(self, count: int, columns: Mapping[str, Column]) -> None:
        self.kept: Mask = np.ones(count, dtype=np.bool_)
        self._given = columns
        self._written: dict[str, Column] = {}

    @classmethod
    def of(cls, sets: Sequence[Mapping[str, str]]) -> LabelSets:
        """The same as columns."""
        names = dict.fromkeys(name for labels in sets for name in labels)
        columns = {name: _column(labels.get(name, "") for labels in sets) for name in names}
        return cls(len(sets), columns)

    def to_dicts(self) -> list[dict[str, str] | None]:
        """Each set by itself; `None` for one that was dropped."""
        texts = {name: self.get(name).to_list() for name in self.names()}
        return [
            {name: values[i] for name, values in texts.items() if values[i]} if kept else None
            for i, kept in enumerate(self.kept.tolist())
        ]

    @property
    def written(self) -> set[str]:
        """The labels that may have changed."""
        return set(self._written)

    def __len__(self) -> int:
        return len(self.kept)

    def names(self) -> list[str]:
        """The labels that any set may have, in order."""
        gone = {name for name, column in self._written.items() if not any(column.values)}
        return sorted({*self._given, *self._written} - gone)

    def get(self, name: str) -> Column:
        """What each set has under `name`."""
        return self._written.get(name) or self._given.get(name) or self.constant("")

    def constant(self, text: str) -> Column:
        """A column of one text."""
        return Column(np.zeros(len(self), dtype=np.uint32), [text])

    def set(self, name: str, column: Column, where: Mask | None = None) -> None:
        """Let each set where the mask is true have its text of `column`; an empty one deletes."""
        self._written[name] = column if where is None else _overlaid(self.get(name), column, where)

    def joined(self, names: Sequence[str], separator: str) -> Column:
        """What each set has under several labels, as one text."""
        if not names:
            return self.constant("")
        return combined([self.get(name) for name in names], separator.join)


def combined(columns: Sequence[Column], function: Callable[[list[str]], str]) -> Column:
    """A column of a function of several, called once a distinct combination."""
    if len(columns) == 1:
        return columns[0].map(lambda value: function([value]))
    codes = columns[0].codes.astype(np.int64)
    for column in columns[1:]:
        codes = np.unique(codes * len(column.values) + column.codes, return_inverse=True)[1]
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    rows = [[column.values[column.codes[item]] for column in columns] for item in first.tolist()]
    return Column(codes.astype(np.uint32), [function(row) for row in rows])


def _overlaid(below: Column, above: Column, where: Mask) -> Column:
    shifted = above.codes + np.uint32(len(below.values))
    return Column(np.where(where, shifted, below.codes), [*below.values, *above.values])


def _column(texts: Iterable[str]) -> Column:
    codes: dict[str, int] = {}
    coded = [codes.setdefault(text, len(codes)) for text in texts]
    return Column(np.array(coded, dtype=np.uint32), list(codes))
