"""Batches to numbers: what matches is counted or added up, by resource and attribute values."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock.connectors._definitions import Split
from penstock.ottl import Condition, Draft, Reporter, matching
from penstock.pipeline import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from penstock.connectors._definitions import Kind, Plain
    from penstock.pipeline import Batch, Mask

    Codes = NDArray[np.int64]

_NEVER = int(np.iinfo(np.int64).max)
_METRIC = ("name", "unit", "description", "type", "aggregation_temporality", "is_monotonic")
_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x20), ord('"'), ord("\\"))}


class Items:
    """What a batch has of a kind."""

    def __init__(self, batch: Batch, kind: Kind) -> None:
        self._batch = batch
        self._kind = kind
        draft = Draft(batch)
        self.draft = draft.events if kind.context == "spanevent" else draft
        self._known: dict[str, Column] = {}

    def __len__(self) -> int:
        return len(self.draft)

    @cached_property
    def resources(self) -> Column:
        """The attributes of each item's resource."""
        return self.column("resource.attributes")

    @cached_property
    def times(self) -> list[tuple[int, int]]:
        """The first and the last time in each resource; zeros where it has none."""
        first = np.full(len(self.resources.values), _NEVER)
        last = np.zeros(len(first), dtype=np.int64)
        for path in self._kind.times:
            times = self._batch.numbers(path)
            np.minimum.at(first, self.resources.codes, np.where(times > 0, times, _NEVER))
            np.maximum.at(last, self.resources.codes, times)
        first[last == 0] = 0
        return list(zip(first.tolist(), last.tolist(), strict=True))

    def read(self, paths: Sequence[str]) -> None:
        """Read several columns at once, which takes little longer than one."""
        self._known |= zip(paths, self._batch.columns(*paths), strict=True)

    def column(self, path: str) -> Column:
        """The value of each; of a span event, what its span has elsewhere."""
        column = self._known.get(path)
        if column is None:
            column = self._batch.column(path)
        if self._kind.context != "spanevent" or path.startswith("spanevent"):
            return column
        return Column(column.codes[self._batch.owners()], column.values)

    def attribute(self, level: str, key: str) -> Column:
        """The attribute of each, at a level such as `resource`; `item` is its own."""
        level = self._kind.context if level == "item" else level
        return self.column(attribute_path(level, key))

    def parents(self, context: str) -> NDArray[np.uint32]:
        """The number of each item's resource or scope."""
        numbers = self._batch.parents(context)
        return numbers[self._batch.owners()] if self._kind.context == "spanevent" else numbers

    def keys(self, level: str) -> list[str]:
        """The keys that attributes have at a level."""
        return self._batch.keys(f"{level}.attributes")

    def found(self, key: str, levels: Sequence[str], default: Any = None) -> Column:
        """The attribute of each at the first of the levels that has it, or else the default."""
        first = self.attribute(levels[0], key)
        if None not in first.values:
            return first
        codes, values = first.codes.astype(np.int64), list(first.values)
        for level in levels[1:]:
            missing = np.array([value is None for value in values])[codes]
            if not missing.any():
                break
            above = self.attribute(level, key)
            codes = np.where(missing, above.codes + len(values), codes)
            values += above.values
        return _distinct(codes, [default if value is None else value for value in values])

    def each_once(self) -> Mask:
        """The items that count: of metrics, the first data point of each."""
        if self._kind.context != "metric":
            return np.ones(len(self), dtype=np.bool_)
        paths = [*(f"metric.{field}" for field in _METRIC), "scope.name", "scope.version"]
        codes = combined([self.resources, *map(self.column, paths)])
        once = np.zeros(len(self), dtype=np.bool_)
        once[np.unique(codes, return_index=True)[1]] = True
        return once


def attribute_path(context: str, key: str) -> str:
    """The path of an attribute, whatever its key has in it."""
    return f'{context}.attributes["{key.translate(_ESCAPES)}"]'


def combined(columns: Sequence[Column]) -> Codes:
    """One code for each combination of values."""
    codes, size = columns[0].codes.astype(np.int64), len(columns[0].values)
    for column in columns[1:]:
        if size * len(column.values) >= _NEVER:
            distinct, codes = np.unique(codes, return_inverse=True)
            size = len(distinct)
        codes = codes * len(column.values) + column.codes
        size *= len(column.values)
    return codes


class Number(NamedTuple):
    """A count or a sum of items: of which resource, and with which attribute values."""

    resource: int
    attributes: dict[str, Any]
    value: float


class Measure:
    """A metric that is made of items of a kind; attributes are looked for at `levels` in turn."""

    def __init__(
        self, name: str, definition: Plain[str], kind: Kind, levels: Sequence[str] = ("item",)
    ) -> None:
        self.name = name
        self.description = definition.description
        self._attributes = definition.attributes if isinstance(definition, Split) else ()
        self._levels = levels
        self._conditions = [
            Condition.compile(text, kind.signal, kind.context) for text in definition.conditions
        ]

    def numbers(
        self, items: Items, reporter: Reporter, amounts: NDArray[np.float64] | None = None
    ) -> Iterator[Number]:
        """How many items there are, or what their amounts add up to; those of NaN do not count.

        Raises `Invalid` where a condition fails.
        """
        mask = items.each_once()
        hits = matching(self._conditions, items.draft, reporter)
        mask = mask if hits is None else mask & hits
        columns = [
            items.found(attribute.key, self._levels, attribute.default_value)
            for attribute in self._attributes
        ]
        for column in columns:
            mask &= column.where(lambda value: value is not None)
        if amounts is not None:
            mask &= ~np.isnan(amounts)
        places = np.flatnonzero(mask)
        if len(places):
            yield from self._grouped(items, columns, places, amounts)

    def _grouped(
        self,
        items: Items,
        columns: list[Column],
        places: NDArray[np.intp],
        amounts: NDArray[np.float64] | None,
    ) -> Iterator[Number]:
        codes = combined([items.resources, *columns])[places]
        _, first, groups = np.unique(codes, return_index=True, return_inverse=True)
        weights = None if amounts is None else amounts[places]
        totals = np.bincount(groups, weights)
        for place, total in zip(places[first].tolist(), totals.tolist(), strict=True):
            values = {
                attribute.key: column.values[column.codes[place]]
                for attribute, column in zip(self._attributes, columns, strict=True)
            }
            yield Number(int(items.resources.codes[place]), values, total)


def _distinct(codes: Codes, values: list[Any]) -> Column:
    """A column in which every value is once: lists and maps are compared by how they look."""
    known: dict[tuple[type, str], int] = {}
    renumbered = [known.setdefault((type(value), repr(value)), len(known)) for value in values]
    by_code = dict(zip(renumbered, values, strict=True))
    return Column(
        np.array(renumbered, dtype=np.uint32)[codes], [by_code[code] for code in range(len(known))]
    )
