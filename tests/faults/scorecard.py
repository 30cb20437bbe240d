"""The table of results, which the programs write and nobody else: SCORECARD.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PATH = Path(__file__).parent / "SCORECARD.md"

HEAD = """\
# Scorecard
What `make soak` measured: a running Penstock is attacked while an honest sender goes on. At the end
of every attack it is alive, its memory is bounded, the honest sender was served, the books balance
and a counter names the abuse. The figures are the worst of all runs. The program writes this file:
do not edit it.

| line | what | goal | measured | met | runs | date |
|---|---|---|---|---|---|---|
"""

ROW = re.compile(r"\| (\w+(?: \w+)?) \|")


@dataclass(frozen=True)
class Figure:
    """Something that was measured; the less the better."""

    name: str
    value: float
    limit: float
    """The goal: at most so much."""
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.limit

    def text(self, value: float) -> str:
        """A value in words."""
        amount = f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
        return f"{amount}{' ' * bool(self.unit)}{self.unit} {self.name}"


@dataclass(frozen=True)
class Result:
    """A line of the scorecard."""

    line: str
    title: str
    figures: tuple[Figure, ...]
    scale: str
    """How much was done to measure it."""
    runs: int = 1
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def is_met(self) -> bool:
        """Whether every goal is reached."""
        return all(figure.is_met for figure in self.figures)

    def worse(self, other: Result) -> Result:
        """The worst of both."""
        pairs = zip(self.figures, other.figures, strict=True)
        worst = tuple(max(pair, key=lambda figure: figure.value) for pair in pairs)
        return Result(self.line, self.title, worst, other.scale, self.runs + other.runs)

    def row(self) -> str:
        """The line as Markdown."""
        goal = ", ".join(f"≤ {figure.text(figure.limit)}" for figure in self.figures)
        measured = ", ".join(figure.text(figure.value) for figure in self.figures)
        met = "yes" if self.is_met else "**no**"
        cells = (self.line, self.title, goal, f"{measured} ({self.scale})", met, self.runs)
        return f"| {' | '.join(map(str, cells))} | {self.date} |\n"


def write(results: Iterable[Result], path: Path = PATH) -> None:
    """Put results into the table, in the places of older ones of the same lines."""
    rows = {result.line: result.row() for result in results}
    for old in path.read_text().splitlines(keepends=True) if path.exists() else ():
        if (found := ROW.match(old)) and found[1] != "line":
            rows.setdefault(found[1], old)
    in_order = sorted(rows, key=_order)
    path.write_text(HEAD + "".join(rows[line] for line in in_order))


def _order(line: str) -> tuple[bool, int, str]:
    """Lines by their number, then sections of the list of failures by theirs."""
    number = re.search(r"\d+", line)
    return not line[0].isdigit(), int(number[0]) if number else 0, line
