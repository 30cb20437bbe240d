"""A batch on its way through statements: what they wrote is read before it is in the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ottl.columns import constant, merged
from penstock.ottl.contexts import EVENTS
from penstock.pipeline import Column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from penstock.pipeline import Batch
    from penstock.pipeline.batch import Mask
    from penstock.pipeline.edits import Edits


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies: a path of the kernel.

    `slot` is the same for paths that are two views of one field. What is `shared` belongs to
    several items: a resource, a scope or a metric.
    """

    path: str
    slot: str
    shared: bool

    def meets(self, other: Place) -> bool:
        """Whether a change of the one may be a change of the other."""
        return _within(self.slot, other.slot) or _within(other.slot, self.slot)


def _within(inner: str, outer: str) -> bool:
    return inner.startswith(outer) and inner[len(outer) : len(outer) + 1] in {"", ".", "["}


_WHOLE_EVENTS = Place("span.events", "span.events", shared=False)


class Draft:
    """A batch, and edits that are not yet in it; `finish` writes them, all at once if it can.

    A column that was written is put together of what was there and what was written. Where that
    cannot tell what the kernel would make of it, the edits are written first: a field of a message
    that was replaced, keys that were dropped, and what items share, of which the last one's value
    counts.
    """

    replaced = 0
    """How often the items may have become others, so that masks of them mean nothing any more."""

    def __init__(self, batch: Batch) -> None:
        self.replace(batch)

    def replace(self, batch: Batch) -> None:
        """Go on with another batch, in which all edits are and whose items may be others."""
        self.replaced += 1
        self._batch = batch
        self._edits: Edits | None = None
        self._pending: dict[Place, list[tuple[Column, Mask | None]]] = {}
        self._retained: list[Place] = []
        self._columns: dict[Place, Column] = {}
        self.drop_caches()

    def __len__(self) -> int:
        return len(self._batch)

    @property
    def batch(self) -> Batch:
        """The batch with all edits."""
        self._flush()
        return self._batch

    @property
    def known(self) -> frozenset[Place]:
        """The places whose values have been read and are still as they were."""
        return frozenset(self._columns)

    def read(self, places: Collection[Place]) -> None:
        """Read the values at places at once, which takes little longer than at one. Nothing may
        have been written yet."""
        columns = self._batch.columns(*(place.path for place in places))
        self._columns.update(zip(places, columns, strict=True))

    def column(self, place: Place) -> Column:
        """The values at a place, after all that was written."""
        known = self._columns.get(place)
        if known is not None:
            return known
        if self._hides(place):
            self._flush()
        column = self._batch.column(place.path)
        for written, where in self._pending.get(place, ()):
            column = merged(column, written, where)
        self._columns[place] = column
        return column

    def numbers(self, place: Place) -> NDArray[Any] | None:
        """The integers at a place, if nothing was written there."""
        if place in self._columns or any(place.meets(other) for other in self._pending):
            return None
        return self._batch.numbers(place.path)

    def owners(self) -> NDArray[np.uint32]:
        """For each span event, the position of its span."""
        if any(_WHOLE_EVENTS.meets(place) for place in self._pending if not _of_events(place)):
            self._flush()
        return self._batch.owners()

    def keys(self, place: Place) -> list[str]:
        """The distinct keys of the attributes at a place."""
        if any(place.meets(other) for other in (*self._pending, *self._retained)):
            self._flush()
        return self._batch.keys(place.path)

    def set(self, place: Place, column: Column, where: Mask | None) -> None:
        """Write a column where the mask is true; `None` deletes."""
        if any(place.meets(retained) for retained in self._retained):
            self._flush()
        known = self._columns.get(place)
        self._forget(place)
        self._editing().set(place.path, column, where)
        self._pending.setdefault(place, []).append((column, where))
        if not place.shared and (known is not None or where is None):
            self._columns[place] = column if known is None else merged(known, column, where)

    def keep_keys(self, place: Place, keys: Iterable[str], where: Mask | None) -> None:
        """Leave only these keys in the attributes at a place."""
        self._forget(place)
        self._editing().keep_keys(place.path, keys, where)
        self._retained.append(place)

    def cache(self, context: str) -> Column:
        """The maps in which statements of a context keep what is for later ones."""
        return self._caches.get(context) or constant({}, len(self))

    def set_cache(self, context: str, column: Column, where: Mask | None) -> None:
        """Write maps into the cache of a context."""
        self._caches[context] = merged(self.cache(context), column, where)

    def drop_caches(self) -> None:
        """Forget what is in the caches: a list of statements has its own."""
        self._caches: dict[str, Column] = {}
        self._events: Events | None = None

    @property
    def events(self) -> Events:
        """The same draft, with span events as its items."""
        if self._events is None:
            self._events = Events(self)
        return self._events

    def _hides(self, place: Place) -> bool:
        """Whether what was written must be in the batch before a place can be read."""
        others = (other for other in self._pending if other != place or other.shared)
        return any(place.meets(other) for other in (*others, *self._retained))

    def _editing(self) -> Edits:
        if self._edits is None:
            self._edits = self._batch.edit()
        return self._edits

    def _forget(self, place: Place) -> None:
        """Drop the columns that a change of a place may change."""
        for known in [known for known in self._columns if known.meets(place)]:
            del self._columns[known]

    def _flush(self) -> None:
        if self._edits is not None:
            self._batch = self._edits.apply()
            self._edits = None
            self._pending.clear()
            self._retained.clear()


class Events(Draft):
    """The span events of a draft: they are its items, and what is their span's they share.

    It writes into the draft that it is made of.
    """

    def __init__(self, spans: Draft) -> None:
        self._spans = spans
        self.drop_caches()

    def __len__(self) -> int:
        return len(self._spans.owners())

    @property
    def batch(self) -> Batch:
        """The batch of the spans, with all edits."""
        return self._spans.batch

    def column(self, place: Place) -> Column:
        """The value of every event: where it is its span's, the same for all of that span."""
        column = self._spans.column(place)
        if _of_events(place):
            return column
        return Column(column.codes[self._spans.owners()], column.values)

    def numbers(self, place: Place) -> NDArray[Any] | None:
        """The integers at a place, if nothing was written there."""
        found = self._spans.numbers(place)
        return found if found is None or _of_events(place) else found[self._spans.owners()]

    def keys(self, place: Place) -> list[str]:
        """The distinct keys of the attributes at a place."""
        return self._spans.keys(place)

    def set(self, place: Place, column: Column, where: Mask | None) -> None:
        """Write a column where the mask is true. Of the events of one span the last counts."""
        if not _of_events(place):
            column, where = self._of_spans(column, where)
        self._spans.set(place, column, where)

    def keep_keys(self, place: Place, keys: Iterable[str], where: Mask | None) -> None:
        """Leave only these keys in the attributes at a place."""
        if not _of_events(place):
            _, where = self._of_spans(constant(None, len(self)), where)
        self._spans.keep_keys(place, keys, where)

    def _of_spans(self, column: Column, where: Mask | None) -> tuple[Column, Mask]:
        owners = self._spans.owners()
        wanted = slice(None) if where is None else where
        codes = np.zeros(len(self._spans), dtype=np.uint32)
        codes[owners[wanted]] = column.codes[wanted]
        touched = np.zeros(len(self._spans), dtype=np.bool_)
        touched[owners[wanted]] = True
        return Column(codes, column.values), touched


def _of_events(place: Place) -> bool:
    return place.path.startswith(f"{EVENTS}.")
