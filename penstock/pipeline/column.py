"""One value per item, dictionary-coded: what components decide on."""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from penstock._kernel import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    # At run time numpy is imported where a column is made: a pipeline that only passes telemetry on
    # does without its ten megabytes.
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

Mask: TypeAlias = "NDArray[np.bool_]"
"""Which items are meant: a truth value for each."""


class Column:
    """One value per item: `values[codes[i]]`. Work on `values`, the few distinct ones.

    `column == value`, `<`, `<=`, `>` and `>=` give masks; combine masks with `&`, `|` and `~`.
    """

    __slots__ = ("codes", "values")
    __hash__ = None  # type: ignore[assignment]  # as whatever compares item by item

    def __init__(self, codes: NDArray[np.uint32], values: list[Any]) -> None:
        self.codes = codes
        self.values = values

    @classmethod
    def of_runs(cls, runs: Iterable[tuple[Any, int]]) -> Column:
        """A column by its values, each with how many items in a row have it."""
        import numpy as np

        values, counts = zip(*runs, strict=True)
        numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
        codes = np.array([numbers[value] for value in values], dtype=np.uint32)
        return cls(np.repeat(codes, counts), list(numbers))

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"<Column of {len(self)} items, {len(self.values)} distinct values>"

    def __eq__(self, value: object) -> Mask:  # type: ignore[override]
        return self.equals(value)

    def __ne__(self, value: object) -> Mask:  # type: ignore[override]
        return ~self.equals(value)

    def __lt__(self, limit: float | str) -> Mask:
        return self._ordered(operator.lt, limit)

    def __le__(self, limit: float | str) -> Mask:
        return self._ordered(operator.le, limit)

    def __gt__(self, limit: float | str) -> Mask:
        return self._ordered(operator.gt, limit)

    def __ge__(self, limit: float | str) -> Mask:
        return self._ordered(operator.ge, limit)

    def where(self, test: Callable[[Any], bool]) -> Mask:
        """A mask of the items whose value passes `test`, which is called once a distinct value."""
        return self._mask(map(test, self.values))

    def equals(self, value: Any) -> Mask:
        """A mask of the items whose value is `value`, of the same type: `1` is not `True`."""
        return self.where(lambda found: type(found) is type(value) and found == value)

    def isin(self, values: Collection[Any]) -> Mask:
        """A mask of the items whose value is one of `values`."""
        wanted = list(values)
        return self.where(lambda found: any(type(found) is type(v) and found == v for v in wanted))

    def matches(self, pattern: str) -> Mask:
        """A mask of the texts in which the regular expression is found, in time linear in them.

        Its syntax is RE2's, as in the Collector. Raises `ValueError` for one that it has not.
        """
        found = iter(_pattern(pattern).found(self._texts()))
        return self._mask(isinstance(value, str) and next(found) for value in self.values)

    def replace(self, pattern: str, template: str) -> Column:
        """A column of the texts with every match replaced, and of all other values as they are.

        `$1` and `${name}` in `template` are groups of the match. Raises `ValueError` as `matches`.
        """
        replaced = iter(_pattern(pattern).replaced(self._texts(), template))
        return self.map(lambda value: next(replaced) if isinstance(value, str) else value)

    def map(self, function: Callable[[Any], Any]) -> Column:
        """A column of `function(value)`, called once a distinct value."""
        return Column(self.codes, [function(value) for value in self.values])

    def to_list(self) -> list[Any]:
        """The values written out, one per item."""
        return [self.values[code] for code in self.codes.tolist()]

    def to_numpy(self, dtype: type[Any] = object) -> NDArray[Any]:
        """The values as an array, one per item; as `float`, NaN stands where there is none.

        Raises `TypeError` or `ValueError` where a value is not of that type.
        """
        import numpy as np

        distinct = np.empty(len(self.values), dtype)
        for code, value in enumerate(self.values):
            distinct[code] = value
        return distinct[self.codes]

    def to_arrow(self) -> pa.DictionaryArray[Any, Any]:
        """The same column for pyarrow, which shares the codes: a dictionary array.

        Raises `ModuleNotFoundError` without `penstock[arrow]`.
        """
        from penstock.pipeline.arrow import array

        return array(self)

    def _ordered(self, holds: Callable[[Any, Any], bool], limit: float | str) -> Mask:
        kinds = str if isinstance(limit, str) else (int, float)
        fits = [isinstance(it, kinds) and not isinstance(it, bool) for it in self.values]
        hits = (fit and holds(it, limit) for fit, it in zip(fits, self.values, strict=True))
        return self._mask(hits)

    def _mask(self, hits: Iterable[bool]) -> Mask:
        import numpy as np

        return np.fromiter(hits, dtype=np.bool_, count=len(self.values))[self.codes]

    def _texts(self) -> list[str]:
        return [value for value in self.values if isinstance(value, str)]


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Pattern:
    return Pattern(pattern)
