"""Arithmetic: of numbers as arrays where that is possible, else of distinct values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ottl.columns import each
from penstock.ottl.evaluate import Expression, both_numbers
from penstock.ottl.values import Duration, Fault, Time, is_number, kind_of, wrapped
from penstock.pipeline import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.ottl.draft import Draft
    from penstock.pipeline.batch import Mask

_VECTORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+`, `-`, `*` and `/`."""

    operator: str
    left: Expression
    right: Expression

    def column(self, draft: Draft, where: Mask | None = None) -> Column:
        """The results. Ints wrap at 64 bits, as in Go."""
        found = self.numbers(draft)
        if found is not None and found.ndim:
            return Column(np.arange(len(draft), dtype=np.uint32), found.tolist())
        left, right = self.left.column(draft, where), self.right.column(draft, where)
        return each(partial(calculate, self.operator), [left, right], where)

    def numbers(self, draft: Draft) -> NDArray[Any] | None:
        """The results as an array, if all are numbers of one type and cannot fail."""
        both = both_numbers(self.left, self.right, draft)
        if both is None or (self.operator == "/" and not _divisible(*both)):
            return None
        with np.errstate(all="ignore"):
            found: NDArray[Any] = _DOUBLES[self.operator](*both)
            return found


def _divisible(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether all quotients are doubles: those of ints are ints, rounded towards zero."""
    return "f" in {one.dtype.kind, other.dtype.kind} and bool(np.all(other))


def calculate(sign: str, one: Any, other: Any) -> Any:
    """One result. Raises `Fault` for what cannot be calculated."""
    if is_number(one) and is_number(other):
        return _calculate_numbers(sign, one, other)
    match sign, one, other:
        case "+", Time(), Duration():
            return Time(one.nanoseconds + other.nanoseconds, one.zone)
        case "+", Duration(), Time():
            return Time(one.nanoseconds + other.nanoseconds, other.zone)
        case "-", Time(), Duration():
            return Time(one.nanoseconds - other.nanoseconds, one.zone)
        case ("+", Duration(), Duration()):
            return Duration(wrapped(one.nanoseconds + other.nanoseconds))
        case ("-", Time(), Time()) | ("-", Duration(), Duration()):
            return Duration(wrapped(one.nanoseconds - other.nanoseconds))
    raise Fault(f"`{sign}` of {kind_of(one)} and {kind_of(other)}")


def _calculate_numbers(sign: str, one: float, other: float) -> float:
    if sign == "/" and other == 0:
        raise Fault("a division by zero")
    if type(one) is not int or type(other) is not int:
        return float(_DOUBLES[sign](float(one), float(other)))
    if sign == "/":
        quotient = abs(one) // abs(other)
        return wrapped(quotient if (one < 0) == (other < 0) else -quotient)
    return wrapped(_VECTORS[sign](one, other))


_DOUBLES = {**_VECTORS, "/": operator.truediv}


def negated(value: Any) -> Any:
    """Minus a value."""
    if type(value) is Duration:
        return Duration(-value.nanoseconds)
    if not is_number(value):
        raise Fault(f"`-` of {kind_of(value)}")
    return wrapped(-value) if type(value) is int else -value
