"""Expressions: the value that they have for every item of a draft.

With a mask, only the items where it is true matter: nothing is computed for the others, and they
fail nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from penstock.ottl.columns import constant, each, guarded, whole
from penstock.ottl.values import (
    is_number,
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


def both_numbers(
    left: Expression, right: Expression, draft: Draft
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """The numbers of two expressions that can both tell them without a column."""
    one = known_numbers(left, draft)
    other = None if one is None else known_numbers(right, draft)
    return None if one is None or other is None else (one, other)


def known_numbers(expression: Expression, draft: Draft) -> NDArray[Any] | None:
    """The numbers of an expression that can tell them without a column; one, or one an item."""
    known = getattr(expression, "numbers", None)
    return known(draft) if known else None
