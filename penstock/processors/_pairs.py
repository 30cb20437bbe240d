"""Pairs of data points whose attributes agree: what one has and the other has too is the same."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock.processors._attributes import MANY, path_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Batch
    from penstock.pipeline.batch import Mask

    Places = NDArray[np.intp]
    Codes = NDArray[np.int64]

MOST_PAIRS = 100_000
"""Pairs from which they are refused: where attributes have nothing in common, every point agrees
with every other."""

_MOST_SHAPES = 256
"""Combinations of sets of attributes that are looked at: usually there is one."""

ATTRIBUTES = "datapoint.attributes"


class Pairs(NamedTuple):
    """The positions of two points each, in the order of the first ones."""

    ones: Places
    others: Places


def pairs(batch: Batch, ones: Mask, others: Mask, groups: NDArray[np.uint32]) -> Pairs:
    """Each of `ones` with each of `others` that is in the same group and agrees with it.

    Raises `ValueError` that says what there is too much of.
    """
    first, second = np.flatnonzero(ones), np.flatnonzero(others)
    codes, present = _attributes(batch, ones, others)
    shapes = [_by_shape(places, present) for places in (first, second)]
    if len(shapes[0]) * len(shapes[1]) > _MOST_SHAPES:
        msg = "points differ too much in which attributes they have"
        raise ValueError(msg)
    found, total = [], 0
    for one, other in product(*shapes):
        both = present[one[0]] & present[other[0]]
        rows = np.column_stack([groups.astype(np.int64), codes[:, both]])
        found.append(_equal(rows, one, other, MOST_PAIRS - total))
        total += len(found[-1].ones)
    return _in_order(found)


def _attributes(batch: Batch, ones: Mask, others: Mask) -> tuple[Codes, NDArray[np.bool_]]:
    """What each point has under the keys that both sides know, and whether it has it."""
    keys = [key for key in _keys(batch, ones) if key in _keys(batch, others)]
    if len(keys) > MANY:
        msg = f"points have more than {MANY} attributes in common"
        raise ValueError(msg)
    codes = np.zeros((len(batch), len(keys)), dtype=np.int64)
    present = np.zeros((len(batch), len(keys)), dtype=np.bool_)
    for place, key in enumerate(keys):
        column = batch.column(path_to(ATTRIBUTES, key))
        codes[:, place] = column.codes
        present[:, place] = column.where(lambda value: value is not None)
    return codes, present


def _keys(batch: Batch, where: Mask) -> dict[str, None]:
    chosen = batch.keep(where)
    return dict.fromkeys(chosen.keys(ATTRIBUTES) if chosen else ())


def _by_shape(places: Places, present: NDArray[np.bool_]) -> list[Places]:
    """Points by which of the attributes they have."""
    if not len(places):
        return []
    _, shapes = np.unique(present[places], axis=0, return_inverse=True)
    shapes = shapes.ravel()
    return [places[shapes == shape] for shape in range(int(shapes.max()) + 1)]


def _equal(rows: Codes, ones: Places, others: Places, most: int) -> Pairs:
    """The pairs whose rows are equal."""
    _, ids = np.unique(rows[np.concatenate([ones, others])], axis=0, return_inverse=True)
    left, right = np.split(ids.ravel(), [len(ones)])
    order = np.argsort(right, kind="stable")
    begin = np.searchsorted(right[order], left, "left")
    counts = np.searchsorted(right[order], left, "right") - begin
    if counts.sum() > most:
        msg = f"more than {MOST_PAIRS} pairs of points agree"
        raise ValueError(msg)
    return Pairs(np.repeat(ones, counts), others[order[np.repeat(begin, counts) + ranks(counts)]])


def ranks(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """0, 1, 2 and so on for each of some counts: [2, 3] gives [0, 1, 0, 1, 2]."""
    ends = np.cumsum(counts)
    result: NDArray[np.intp] = np.arange(ends[-1] if len(ends) else 0)
    return result - np.repeat(ends - counts, counts)


def _in_order(found: list[Pairs]) -> Pairs:
    ones = np.concatenate([each.ones for each in found] or [np.zeros(0, dtype=np.intp)])
    others = np.concatenate([each.others for each in found] or [np.zeros(0, dtype=np.intp)])
    order = np.argsort(ones, kind="stable")
    return Pairs(ones[order], others[order])
