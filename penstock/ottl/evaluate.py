"""Expressions and conditions: what they are for every item of a draft.

With a mask, only the items where it is true matter: nothing is computed for the others, and they
fail nothing. So `and` does not look at its right side where the left one is false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from penstock.ottl.columns import Faulty, Truth, constant, each, guarded, numbers, truth, whole
from penstock.ottl.values import (
    Duration,
    Fault,
    Time,
    equal,
    is_number,
    kind_of,
    less,
    wrapped,
)
from penstock.pipeline import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.ottl.draft import Draft
    from penstock.pipeline.batch import Mask


class Expression(Protocol):
    """A value for every item."""

    def column(self, draft: Draft, where: Mask | None = None) -> Column:
        """The values; a `Failure` where there is none to tell."""


class Condition(Protocol):
    """True or false for every item."""

    def truth(self, draft: Draft, where: Mask | None = None) -> Truth:
        """The outcome."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: Any

    def column(self, draft: Draft, where: Mask | None = None) -> Column:  # noqa: ARG002
        """The same for every item."""
        return constant(self.value, len(draft))

    def numbers(self, draft: Draft) -> NDArray[Any] | None:  # noqa: ARG002
        """The number, if it is one."""
        return np.array(self.value) if is_number(self.value) else None


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of values, called once for each combination of them."""

    function: Callable[..., Any]
    arguments: tuple[Expression, ...]

    def column(self, draft: Draft, where: Mask | None = None) -> Column:
        """What the function returns."""
        if not self.arguments:
            return constant(guarded(self.function), len(draft))
        return each(self.function, [one.column(draft, where) for one in self.arguments], where)


@dataclass(frozen=True, slots=True)
class ApplyAtOnce:
    """A function of all the distinct values of one argument."""

    function: Callable[[list[Any]], list[Any]]
    argument: Expression

    def column(self, draft: Draft, where: Mask | None = None) -> Column:
        """What the function returns."""
        return whole(self.function, self.argument.column(draft, where), where)


@dataclass(frozen=True, slots=True)
class ApplyToItems:
    """A function that returns something else for every item, such as a new id."""

    function: Callable[[], Any]

    def column(self, draft: Draft, where: Mask | None = None) -> Column:  # noqa: ARG002
        """What the function returns."""
        codes = np.arange(len(draft), dtype=np.uint32)
        return Column(codes, [self.function() for _ in range(len(draft))])


@dataclass(frozen=True, slots=True)
class OfDraft:
    """A function of all the telemetry of a draft."""

    function: Callable[[Draft], Column]

    def column(self, draft: Draft, where: Mask | None = None) -> Column:  # noqa: ARG002
        """What the function returns."""
        return self.function(draft)


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
        vector = _VECTORS.get(self.operator)
        both = None if vector is None else _both_numbers(self.left, self.right, draft)
        if vector is None or both is None:
            return None
        with np.errstate(all="ignore"):
            found: NDArray[Any] = vector(*both)
            return found


def _both_numbers(
    left: Expression, right: Expression, draft: Draft
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    one = _numbers(left, draft)
    other = None if one is None else _numbers(right, draft)
    return None if one is None or other is None else (one, other)


def _numbers(expression: Expression, draft: Draft) -> NDArray[Any] | None:
    """The numbers of an expression that can tell them without a column."""
    known = getattr(expression, "numbers", None)
    return known(draft) if known else None


_FEW = 32
"""Distinct values, from which making an array of them pays."""


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


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": equal,
    "!=": lambda one, other: not equal(one, other),
    "<": less,
    ">": lambda one, other: less(other, one),
    "<=": lambda one, other: less(one, other) or (equal(one, other) and _has_order(one)),
    ">=": lambda one, other: less(other, one) or (equal(one, other) and _has_order(one)),
}
_VECTOR_COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


_EQUALITIES = frozenset({"==", "!="})


def _is_text(column: Column, text: str, where: Mask | None, *, wanted: bool) -> Truth:
    same = [value == text for value in column.values]
    hits = (np.array(same, dtype=np.bool_) == wanted)[column.codes]
    return Truth(hits if where is None else hits & where)


def _has_order(value: Any) -> bool:
    return type(value) not in {list, dict}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`==`, `<` and so on."""

    operator: str
    left: Expression
    right: Expression

    def truth(self, draft: Draft, where: Mask | None = None) -> Truth:
        """Where it holds."""
        both = _both_numbers(self.left, self.right, draft)
        if both is not None:
            hits = np.broadcast_to(_VECTOR_COMPARISONS[self.operator](*both), len(draft))
            return Truth(hits if where is None else hits & where)
        left, right = self.left.column(draft, where), self.right.column(draft, where)
        if self.operator in _EQUALITIES and isinstance(self.right, Constant):
            text = self.right.value
            if type(text) is str and not isinstance(left, Faulty):
                return _is_text(left, text, where, wanted=self.operator == "==")
        if len(left.values) > _FEW or len(right.values) > _FEW:
            one, other = numbers(left), numbers(right)
            if one is not None and other is not None:
                hits = _VECTOR_COMPARISONS[self.operator](one, other)
                return Truth(hits if where is None else hits & where)
        return truth(each(COMPARISONS[self.operator], [left, right], where), where)


@dataclass(frozen=True, slots=True)
class Holds:
    """A converter or a literal that is true or false."""

    expression: Expression

    def truth(self, draft: Draft, where: Mask | None = None) -> Truth:
        """Where it is true."""
        return truth(self.expression.column(draft, where), where)


@dataclass(frozen=True, slots=True)
class Not:
    """True where its condition is false."""

    condition: Condition

    def truth(self, draft: Draft, where: Mask | None = None) -> Truth:
        """Where it holds."""
        hits, failed, reason = self.condition.truth(draft, where)
        hits = ~hits
        if where is not None:
            hits &= where
        return Truth(hits if failed is None else hits & ~failed, failed, reason)


@dataclass(frozen=True, slots=True)
class Both:
    """`and`: the right side matters where the left one is true."""

    left: Condition
    right: Condition

    def truth(self, draft: Draft, where: Mask | None = None) -> Truth:
        """Where both hold."""
        left = self.left.truth(draft, where)
        if not left.hits.any():
            return left
        right = self.right.truth(draft, left.hits)
        return Truth(right.hits, *_failed(left, right))


@dataclass(frozen=True, slots=True)
class Either:
    """`or`: the right side matters where the left one is false."""

    left: Condition
    right: Condition

    def truth(self, draft: Draft, where: Mask | None = None) -> Truth:
        """Where one of them holds."""
        left = self.left.truth(draft, where)
        rest = ~left.hits if left.failed is None else ~(left.hits | left.failed)
        if where is not None:
            rest &= where
        if not rest.any():
            return left
        right = self.right.truth(draft, rest)
        return Truth(left.hits | right.hits, *_failed(left, right))


def _failed(left: Truth, right: Truth) -> tuple[Mask | None, str]:
    if left.failed is None or right.failed is None:
        one = left if right.failed is None else right
        return one.failed, one.reason
    return left.failed | right.failed, left.reason
