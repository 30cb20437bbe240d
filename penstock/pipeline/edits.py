"""Edits of a batch: collected, then written at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from penstock.pipeline.batch import Batch
from penstock.pipeline.column import Column

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from penstock.pipeline.column import Mask

_UNTOUCHED = 0xFFFFFFFF
"""The kernel's code for an item that an edit leaves as it is."""


class Edits:
    """What is to change in a batch. Nothing is written until `apply`.

    Every path of a column can be edited but the derived ones, such as `span.duration`. What lies in
    a resource, a scope or a metric belongs to all items below it: of their values the last one
    counts. Of a span event, all can be deleted: `spanevent`. A key that occurs twice in attributes
    occurs once after it was set, and not at all after it was deleted.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._sets: list[tuple[str, memoryview, list[Any]]] = []
        self._retains: list[tuple[str, memoryview, list[str]]] = []

    def set(self, path: str, value: Any, where: Mask | None = None) -> Self:
        """Let `path` have `value`, or each item its own from a `Column`, where the mask is true.

        `None` deletes. An attribute takes any value that JSON has and bytes; attributes as a whole,
        events, links, a body or a status take what `rows()` gives for them.
        """
        if not isinstance(value, Column):
            value = Column(self._codes(path, where), [value])
            where = None
        codes = value.codes if where is None else _only(value.codes, where)
        self._sets.append((path, _buffer(codes), value.values))
        return self

    def delete(self, path: str, where: Mask | None = None) -> Self:
        """Let nothing be at `path`, where the mask is true."""
        return self.set(path, None, where)

    def keep_keys(self, path: str, keys: Iterable[str], where: Mask | None = None) -> Self:
        """Leave only these keys in the attributes at `path`, where the mask is true."""
        self._retains.append((path, _buffer(self._codes(path, where)), list(keys)))
        return self

    def apply(self) -> Batch:
        """The batch with every edit; those of keys come last.

        Raises `ValueError` for a path that the signal does not have or that cannot be set, and for
        a value out of its field's range, `TypeError` for a value of another type than the field's.
        """
        if not self._sets and not self._retains:
            return self._batch
        edited = self._batch.native.edit(self._sets, self._retains)
        return Batch(edited, peers=self._batch.peers)

    def _codes(self, path: str, where: Mask | None) -> NDArray[np.uint32]:
        import numpy as np

        inside = path.startswith("spanevent")
        count = len(self._batch.owners()) if inside else len(self._batch)
        codes = np.zeros(count, dtype=np.uint32)
        return codes if where is None else _only(codes, where)


def _buffer(codes: NDArray[np.uint32]) -> memoryview:
    import numpy as np

    return np.ascontiguousarray(codes, dtype=np.uint32).data


def _only(codes: NDArray[np.uint32], where: Mask) -> NDArray[np.uint32]:
    import numpy as np

    return np.where(where, codes, np.uint32(_UNTOUCHED))
