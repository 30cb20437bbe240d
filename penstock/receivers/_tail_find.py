"""Finding files by patterns of their paths."""

from __future__ import annotations

import glob
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PIECE = re.compile(r"(?P<deep>\*\*/)|(?P<all>\*\*)|(?P<star>\*)|(?P<one>\?)|\[(?P<set>[^]]+)\]")
_CHOICE = re.compile(r"\{([^{}]*)\}")


def find(include: Sequence[str], exclude: Sequence[str]) -> Iterator[str]:
    """Paths that match any of `include` and none of `exclude`, each once, in order.

    Patterns have `*`, `?`, `[a-z]`, `**` for folders however deep, and `{a,b}`.
    """
    shut_out = [_regexp(pattern) for pattern in alternatives(exclude)]
    found = {
        path
        for pattern in alternatives(include)
        for path in glob.iglob(pattern, recursive=True, include_hidden=True)  # noqa: PTH207  (paths stay as they are written)
    }
    for path in sorted(found):
        if not any(pattern.fullmatch(path) for pattern in shut_out):
            yield path


def alternatives(patterns: Iterable[str]) -> list[str]:
    """The patterns without braces, each for one choice."""
    done: list[str] = []
    todo = list(patterns)[::-1]
    while todo:
        pattern = todo.pop()
        choice = _CHOICE.search(pattern)
        if choice is None:
            done.append(pattern)
            continue
        before, after = pattern[: choice.start()], pattern[choice.end() :]
        todo += [f"{before}{one}{after}" for one in reversed(choice[1].split(","))]
    return done


@cache
def _regexp(pattern: str) -> re.Pattern[str]:
    parts, at = [], 0
    for piece in _PIECE.finditer(pattern):
        parts += [re.escape(pattern[at : piece.start()]), _translated(piece)]
        at = piece.end()
    return re.compile("".join([*parts, re.escape(pattern[at:])]), re.DOTALL)


def _translated(piece: re.Match[str]) -> str:
    if piece["set"] is None:
        return {"deep": "(?:.*/)?", "all": ".*", "star": "[^/]*", "one": "[^/]"}[
            piece.lastgroup or ""
        ]
    inner = piece["set"].replace("\\", "\\\\").replace("[", "\\[")
    return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
