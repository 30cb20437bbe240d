"""Numbers of several indicators, joined on equal dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock.business import formula
from penstock.business.readings import Reading, result_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from penstock.business.windows import Span
    from penstock.pipeline.panes import Result

    Numbers = NDArray[np.float64]


class Part(NamedTuple):
    """What a formula names: its numbers in a window, and whether a key that it lacks has 0."""

    reading: Reading
    zero: bool
    split: bool
    """Whether it has dimensions; what has none goes with every key."""


def calculated(text: str, span: Span, parts: Mapping[str, Part]) -> tuple[Reading, int]:
    """What a formula comes to in a window, and for how many keys it has no number although there
    was something to calculate with."""
    split = [part.reading.result for part in parts.values() if part.split]
    result = _keys(split or [part.reading.result for part in parts.values()])
    numbers = {name: _aligned(part, result) for name, part in parts.items()}
    values = formula.calculated(text, numbers)
    values = np.broadcast_to(values, len(result))
    return Reading(span, result, values), int(np.isnan(values).sum())


def _keys(results: Sequence[Result]) -> Result:
    """All keys that any has."""
    first, *others = results
    known = first.ids()
    if all(np.array_equal(known, other.ids()) for other in others):
        return first
    labels = {
        id_: label
        for result in results
        for id_, label in zip(_ids(result), result.labels(), strict=True)
    }
    return result_of(list(labels.values()))


def _aligned(part: Part, result: Result) -> Numbers:
    """The numbers of a part by the keys of a result."""
    reading = part.reading
    nothing = 0.0 if part.zero else np.nan
    if not part.split:
        value = reading.values[0] if len(reading.values) else nothing
        return np.full(len(result), value)
    if np.array_equal(reading.result.ids(), result.ids()):
        return reading.values
    known = dict(zip(_ids(reading.result), reading.values.tolist(), strict=True))
    return np.array([known.get(id_, nothing) for id_ in _ids(result)], dtype=np.float64)


def _ids(result: Result) -> list[bytes]:
    """What tells keys apart, in a form that can be looked up: 16 bytes each."""
    ids = result.ids()
    octets, size = ids.tobytes(), ids.itemsize
    return [octets[begin : begin + size] for begin in range(0, len(octets), size)]
