"""What is wrong with a statement, with its place and what may have been meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.ottl.syntax import Position

_ALIKE = 0.7  # as for options: less alike is no help


class StatementError(ValueError):
    """A statement cannot be used. The message begins with the place."""

    def __init__(self, at: Position, problem: str) -> None:
        super().__init__(f"{at}: {problem}")
        self.at = at


def hint(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` when one of `known` is much like `word`, else nothing."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), names, n=1, cutoff=_ALIKE)
    return f"; did you mean `{names[near[0]]}`?" if near else ""
