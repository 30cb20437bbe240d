"""Formulas: arithmetic over the numbers of other indicators."""

from __future__ import annotations

import operator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ottl import syntax
from penstock.ottl.errors import StatementError
from penstock.ottl.grammar import parse_condition
from penstock.ottl.values import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from penstock.ottl.syntax import Node

    Numbers = NDArray[np.float64]

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": np.divide,
}


@cache
def _tree(text: str) -> Node:
    tree = parse_condition(text)
    _check(tree)
    return tree


def checked(text: str) -> str:
    """`text`, which must be a formula. Raises `StatementError`, or `ValueError` without a place."""
    if not names(text):
        msg = "a formula is about other indicators, found none"
        raise ValueError(msg)
    return text


def names(text: str) -> list[str]:
    """The indicators that a formula names, each once."""
    return list(dict.fromkeys(_names(_tree(text))))


def calculated(text: str, numbers: Mapping[str, Numbers]) -> Numbers:
    """What a formula comes to: NaN where it divides by zero, or has nothing to calculate with."""
    with np.errstate(all="ignore"):
        found = np.asarray(_calculated(_tree(text), numbers), dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def _check(node: Node) -> None:
    match node:
        case syntax.Literal() if is_number(node.value):
            return None
        case syntax.Path() if not any(segment.keys for segment in node.segments):
            return None
        case syntax.Unary(operator="+" | "-"):
            return _check(node.operand)
        case syntax.Binary() if node.operator in _OPERATIONS:
            _check(node.left)
            _check(node.right)
            return _check_divisor(node)
    problem = "expected a number, the name of an indicator, or arithmetic of these"
    raise StatementError(node.at, problem)


def _check_divisor(node: syntax.Binary) -> None:
    is_constant = not any(True for _ in _names(node.right))
    if node.operator == "/" and is_constant and float(_calculated(node.right, {})) == 0:
        raise StatementError(node.at, "a division by zero, whatever the numbers are")


def _names(node: Node) -> Iterator[str]:
    match node:
        case syntax.Path():
            yield str(node)
        case syntax.Unary():
            yield from _names(node.operand)
        case syntax.Binary():
            yield from _names(node.left)
            yield from _names(node.right)


def _calculated(node: Node, numbers: Mapping[str, Numbers]) -> Any:
    match node:
        case syntax.Literal():
            return np.float64(node.value)
        case syntax.Path():
            return numbers[str(node)]
        case syntax.Unary():
            operand = _calculated(node.operand, numbers)
            return -operand if node.operator == "-" else operand
        case syntax.Binary():
            left, right = _calculated(node.left, numbers), _calculated(node.right, numbers)
            return _OPERATIONS[node.operator](left, right)
    raise AssertionError(node)  # `_check` has seen it
