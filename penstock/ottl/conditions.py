"""Conditions: for which items of a draft they are true.

With a mask, only the items where it is true matter. So `and` does not look at its right side where
the left one is false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from penstock.ottl.columns import Faulty, Truth, each, numbers, truth, within
from penstock.ottl.evaluate import Constant, Expression, both_numbers
from penstock.ottl.values import equal, less
from penstock.pipeline import Column

if TYPE_CHECKING:
    from penstock.ottl.draft import Draft
    from penstock.pipeline.batch import Mask


class Condition(Protocol):
    """True or false for every item."""

    def truth(self, draft: Draft, where: Mask | None = None) -> Truth:
        """The outcome."""


_FEW = 32
"""Distinct values, from which making an array of them pays."""

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
    return within(hits, where)


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
        both = both_numbers(self.left, self.right, draft)
        if both is not None:
            hits = np.broadcast_to(_VECTOR_COMPARISONS[self.operator](*both), len(draft))
            return within(hits, where)
        left, right = self.left.column(draft, where), self.right.column(draft, where)
        if self.operator in _EQUALITIES and isinstance(self.right, Constant):
            text = self.right.value
            if type(text) is str and not isinstance(left, Faulty):
                return _is_text(left, text, where, wanted=self.operator == "==")
        if len(left.values) > _FEW or len(right.values) > _FEW:
            one, other = numbers(left), numbers(right)
            if one is not None and other is not None:
                hits = _VECTOR_COMPARISONS[self.operator](one, other)
                return within(hits, where)
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
