"""Functions of columns: called for the distinct combinations of values, not for items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock.ottl.values import Failure, Fault
from penstock.pipeline import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from penstock.pipeline.batch import Mask

    Codes = NDArray[np.uint32]

_DENSE = 8
"""Combinations an item, up to which marking all that could be is faster than sorting those that
are."""

_CODES = 2**62
"""Combinations that fit into one integer an item."""


class Faulty(Column):
    """A column with a `Failure` among its values; others have none."""

    __slots__ = ()


def constant(value: Any, length: int) -> Column:
    """The same value for every item."""
    codes = np.zeros(length, dtype=np.uint32)
    return Faulty(codes, [value]) if type(value) is Failure else Column(codes, [value])


def merged(old: Column, new: Column, where: Mask | None) -> Column:
    """`new` where the mask is true, `old` elsewhere."""
    if where is None:
        return new
    codes = np.where(where, new.codes + np.uint32(len(old.values)), old.codes)
    return Column(codes.astype(np.uint32), [*old.values, *new.values])


def each(
    function: Callable[..., Any], columns: Sequence[Column], where: Mask | None = None
) -> Column:
    """A column of what `function` makes of the values of several, called once a combination.

    Nothing is called for items where the mask is false, and what is in the column for them does
    not matter. What raises a `Fault`, or is given a failure, becomes a `Failure`.
    """
    varying = [column for column in columns if len(column.values) != 1]
    if len(varying) > 1:
        codes, taken = _combined(columns, where)
    else:
        codes, taken = _one_by_one(columns, (varying or columns)[0], where)
    if not any(isinstance(column, Faulty) for column in columns):
        try:
            return Column(codes, list(map(function, *taken)))
        except FAULTS:
            pass
    return Faulty(codes, [guarded(function, *row) for row in zip(*taken, strict=True)])


FAULTS = (Fault, ValueError, OverflowError)
"""What functions raise for values that they cannot work with."""


def guarded(function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function` returns, or the failure that it is given or that it makes."""
    for argument in arguments:
        if type(argument) is Failure:
            return argument
    try:
        return function(*arguments)
    except FAULTS as error:
        return Failure(str(error))


def _one_by_one(
    columns: Sequence[Column], varying: Column, where: Mask | None
) -> tuple[Codes, list[list[Any]]]:
    """Codes, and for each column its value for each code, where one at most has several values."""
    codes, values = varying.codes, varying.values
    if where is not None and len(values) > 1:
        codes, used = _present(codes.astype(np.int64), len(values), where)
        values = [values[place] for place in used.tolist()]
    taken = [values if column is varying else column.values * len(values) for column in columns]
    return codes, taken


def _combined(columns: Sequence[Column], where: Mask | None) -> tuple[Codes, list[list[Any]]]:
    """As `_one_by_one`, where several have several values: a code for each combination."""
    codes, places = _combinations(columns, where)
    taken = [
        [column.values[place] for place in places_of.tolist()]
        for column, places_of in zip(columns, places, strict=True)
    ]
    return codes, taken


def _combinations(
    columns: Sequence[Column], where: Mask | None
) -> tuple[Codes, list[NDArray[np.intp]]]:
    """A code for each item, and for each column which of its values each code stands for."""
    sizes = [len(column.values) for column in columns]
    joint = columns[0].codes.astype(np.int64)
    total = sizes[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        total *= size
        if total > _CODES:
            return _by_rows(columns, where)
        joint = joint * size + column.codes
    codes, present = _present(joint, total, where)
    places = []
    for size in reversed(sizes):
        present, place = np.divmod(present, size)
        places.append(place)
    return codes, places[::-1]


def _present(
    joint: NDArray[np.int64], total: int, where: Mask | None
) -> tuple[Codes, NDArray[np.int64]]:
    """New codes without gaps, and the old ones that they stand for."""
    used = joint if where is None else joint[where]
    if total > _DENSE * len(joint) + 64:
        present, inverse = np.unique(used, return_inverse=True)
        codes = np.zeros(len(joint), dtype=np.uint32)
        codes[slice(None) if where is None else where] = inverse
        return codes, present
    seen = np.zeros(total, dtype=np.bool_)
    seen[used] = True
    # Items where the mask is false have codes too, and they must be codes of something.
    ranks = np.maximum(np.cumsum(seen, dtype=np.uint32), 1) - np.uint32(1)
    return ranks[joint], np.flatnonzero(seen)


def _by_rows(columns: Sequence[Column], where: Mask | None) -> tuple[Codes, list[NDArray[np.intp]]]:
    table = np.stack([column.codes for column in columns], axis=1)
    used = table if where is None else table[where]
    rows, inverse = np.unique(used, axis=0, return_inverse=True)
    codes = np.zeros(len(table), dtype=np.uint32)
    codes[slice(None) if where is None else where] = inverse.reshape(-1)
    return codes, [rows[:, place].astype(np.intp) for place in range(len(columns))]


def whole(
    function: Callable[[list[Any]], list[Any]], column: Column, where: Mask | None = None
) -> Column:
    """As `each` of one column, for a function of many values at once."""
    codes, (values,) = _one_by_one([column], column, where)
    if not isinstance(column, Faulty):
        try:
            return Column(codes, function(values))
        except FAULTS:
            pass
    return Faulty(codes, [guarded(lambda one: function([one])[0], value) for value in values])


class Truth(NamedTuple):
    """Whether a condition holds for each item, and for which ones that could not be told."""

    hits: Mask
    failed: Mask | None = None
    reason: str = ""


def within(hits: Mask, where: Mask | None) -> Truth:
    """Where something holds, of the items where the mask is true."""
    return Truth(hits if where is None else hits & where)


def truth(column: Column, where: Mask | None = None) -> Truth:
    """A column of bools as the outcome of a condition; anything else in it is a failure."""
    if set(map(type, column.values)) == {bool}:
        return within(np.array(column.values, dtype=np.bool_)[column.codes], where)
    hits = np.fromiter((value is True for value in column.values), np.bool_, len(column.values))
    wrong = [place for place, value in enumerate(column.values) if type(value) is not bool]
    found = within(hits[column.codes], where)
    if not wrong:
        return found
    failed = np.isin(column.codes, wrong)
    if where is not None:
        failed &= where
    if not failed.any():
        return found
    return Truth(found.hits, failed, _reason(column.values[column.codes[failed.argmax()]]))


def failures(column: Column, where: Mask | None) -> Truth | None:
    """Where a column has failures, with the first one's reason; `None` for nowhere."""
    if not isinstance(column, Faulty):
        return None
    wrong = [place for place, value in enumerate(column.values) if type(value) is Failure]
    failed = np.isin(column.codes, wrong)
    if where is not None:
        failed &= where
    if not failed.any():
        return None
    return Truth(~failed, failed, _reason(column.values[column.codes[failed.argmax()]]))


def _reason(value: Any) -> str:
    from penstock.ottl.values import kind_of

    return value.reason if type(value) is Failure else f"expected a bool, found {kind_of(value)}"


def numbers(column: Column) -> NDArray[Any] | None:
    """Its numbers, one for each item, if all are ints or all are doubles."""
    kinds = set(map(type, column.values))
    if kinds not in ({int}, {float}):
        return None
    try:
        kind = np.int64 if kinds == {int} else np.float64
        return np.array(column.values, dtype=kind)[column.codes]
    except OverflowError:  # a time after 2262, which only 64 bits without a sign hold
        return None
