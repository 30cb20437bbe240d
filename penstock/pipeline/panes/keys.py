"""By what items are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock import _kernel
from penstock.pipeline.panes.arrays import buffer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from penstock.pipeline.column import Column


class Keys:
    """By what the items of a batch are told apart.

    Make one for each batch and set of attributes: whatever adds up by the same ones shares it.
    """

    __slots__ = ("native",)

    def __init__(
        self, items: int, columns: Mapping[str, Column], resource: Column | None = None
    ) -> None:
        """`columns` are the attributes of keys by name; one without a value is left out.

        `resource` is a column of attributes. Raises `ValueError` for columns that are not of
        `items` items, and `TypeError` for values that no attribute can have.
        """
        self.native = _kernel.Keys(
            items,
            [(name, *_parts(column)) for name, column in columns.items()],
            None if resource is None else _parts(resource),
        )

    def __len__(self) -> int:
        """How many distinct keys there are."""
        return len(self.native)

    @property
    def codes(self) -> NDArray[np.uint32]:
        """The number of each item's key."""
        return np.frombuffer(self.native.codes(), dtype=np.uint32)

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """A hash of each item's key, the same in every process."""
        return np.frombuffer(self.native.hashes(), dtype=np.uint64)


def _parts(column: Column) -> tuple[memoryview, list[Any]]:
    return buffer(column.codes, np.uint32), column.values


def value_hashes(column: Column) -> NDArray[np.uint64]:
    """A hash of each item's value, the same in every process; 1, 1.0, true and "1" differ."""
    hashes = np.frombuffer(_kernel.value_hashes(column.values), dtype=np.uint64)
    return hashes[column.codes]
