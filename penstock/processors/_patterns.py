"""Regular expressions of options, found in lists of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock._kernel import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable


class AnyOf:
    """Which of some texts is matched by any of some patterns."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [Pattern(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def __call__(self, texts: list[str]) -> list[bool]:
        """For each text, whether a pattern is found in it."""
        found = [False] * len(texts)
        for pattern in self._patterns:
            found = [one or other for one, other in zip(found, pattern.found(texts), strict=True)]
        return found


def group_names(pattern: str) -> list[str]:
    """The names of a pattern's groups; those without one have a number.

    An empty alternative at the end makes it match in any text.
    """
    (groups,) = Pattern(f"(?:{pattern})|").groups([""])
    return [name for name in groups or () if name != "0"]
