"""What items have as Prometheus' labels, and what rules made of it as edits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock.pipeline import Batch, Column, Signal
from penstock.processors._attributes import ITEM, path_to
from penstock.processors._combinable import differ
from penstock.processors._values import as_string
from penstock.prometheus.labels import NAME, LabelSets, combined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from penstock.pipeline.batch import Mask

    Places = NDArray[np.intp]

RESOURCE = "__resource__."
"""What the labels begin with that are attributes of resources."""

_NAMES = {Signal.TRACES: "span.name", Signal.METRICS: "metric.name", Signal.LOGS: "log.event_name"}


class Labels(Mapping[str, Column]):
    """The labels of a batch's items as columns of texts, made when they are asked for."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.item = f"{ITEM[batch.signal]}.attributes"
        resource = batch.keys("resource.attributes")
        own = [key for key in batch.keys(self.item) if key != NAME and not key.startswith(RESOURCE)]
        self._names = dict.fromkeys([NAME, *(f"{RESOURCE}{key}" for key in resource), *own])
        self._column = cache(lambda name: batch.column(self.path(name)).map(as_string))

    def path(self, name: str) -> str:
        """The path of what is a label."""
        if name == NAME:
            return _NAMES[self._batch.signal]
        if name.startswith(RESOURCE):
            return path_to("resource.attributes", name.removeprefix(RESOURCE))
        return path_to(self.item, name)

    def __getitem__(self, name: str) -> Column:
        if name not in self._names:
            raise KeyError(name)
        column: Column = self._column(name)
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Change(NamedTuple):
    """Other values at a path, where the mask is true; `around` is the message that they are in
    with others' items, if it is one."""

    path: str
    column: Column
    where: Mask
    around: str | None

    def only(self, items: Mask | Places) -> Change:
        """The same for some of the items, with no values but theirs."""
        codes, inverse = np.unique(self.column.codes[items], return_inverse=True)
        column = Column(
            inverse.astype(np.uint32), [self.column.values[code] for code in codes.tolist()]
        )
        return self._replace(column=column, where=self.where[items])


def changes(batch: Batch, labels: Labels, sets: LabelSets) -> list[Change]:
    """What rules have changed, and nothing that is as it was."""
    found = []
    for name in sorted(sets.written):
        new = sets.get(name)
        old = labels.get(name) or sets.constant("")
        same = combined([old, new], lambda texts: "same" if texts[0] == texts[1] else "")
        where = same != "same"
        if where.any():
            values = new if name == NAME else new.map(lambda text: text or None)
            found.append(Change(labels.path(name), values, where, _around(batch, name)))
    return found


def _around(batch: Batch, name: str) -> str | None:
    if name.startswith(RESOURCE):
        return "resource"
    return "metric" if name == NAME and batch.signal is Signal.METRICS else None


def changed(batch: Batch, found: list[Change]) -> tuple[Batch, Places | None]:
    """The batch with these changes, in as many parts as it takes for what lies around items to be
    changed; and where its items were before, if there are several."""
    codes = _parts(batch, found)
    if codes is None:
        return _edited(batch, found), None
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(int(codes.max()) + 2))
    done, places = [], []
    for code, part in batch.partition(codes):
        mine = order[starts[code] : starts[code + 1]]
        done.append(_edited(part, [each.only(mine) for each in found]))
        places.append(mine)
    return Batch.concat(done), np.concatenate(places)


def _edited(batch: Batch, found: list[Change]) -> Batch:
    edits = batch.edit()
    for each in found:
        edits.set(each.path, each.column, each.where)
    return edits.apply()


def _parts(batch: Batch, found: list[Change]) -> NDArray[np.uint32] | None:
    """Numbers of parts in which items with a message around them change it alike, if it takes
    several."""
    shared = [each for each in found if each.around]
    codes = [np.where(each.where, each.column.codes + 1, 0) for each in shared]
    if not any(
        differ(of, batch.parents(str(each.around))).any()
        for of, each in zip(codes, shared, strict=True)
    ):
        return None
    group: NDArray[np.int64] = np.zeros(len(batch), dtype=np.int64)
    for of in codes:
        group = np.unique(group * (int(of.max()) + 1) + of, return_inverse=True)[1]
    return group.astype(np.uint32)
