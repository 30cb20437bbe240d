"""Queries as definitions write them.

`{$}` stands for what all variables of the dashboard choose, `{$cluster}` for what one does, and
`{$, name="value"}` adds to that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CHOICE = re.compile(r"\{\$(\w*)")
_WHOLE = re.compile(r"\W*(?:\d+ \* )?(sum|max|min|avg|count|histogram_quantile)\b")
_SPLIT = re.compile(r"\bby \(([^)]*)\)")


def with_total(rates: str, by: str, part: str) -> str:
    """A total that is always there, and its parts where there are any: of most reasons there is
    none, and a line at 0 for each would hide the others."""
    return f"sum by ({by}) ({rates}) or sum by ({by}, {part}) ({rates}) > 0"


def matchers(labels: Iterable[str]) -> str:
    """What the variables of these labels choose, in PromQL."""
    return ", ".join(f'{label}=~"${label}"' for label in labels)


def chosen(query: str, choices: Sequence[str]) -> str:
    """A query as Grafana is given it, by the labels that variables choose by."""

    def selection(place: re.Match[str]) -> str:
        return "{" + matchers([place[1]] if place[1] else choices)

    return _CHOICE.sub(selection, query)


def legend(query: str, title: str) -> str:
    """What lines are called: the labels that a query is split by, or else the title, and the
    cluster where there may be several."""
    found = ", ".join(_SPLIT.findall(query)).split(", ")
    labels = [f"{{{{{it}}}}}" for it in dict.fromkeys(found) if it not in {"", "le"}]
    if not labels:
        labels = [title] if _WHOLE.match(query) else [title, "{{cluster}}"]
    return " ".join(labels)
