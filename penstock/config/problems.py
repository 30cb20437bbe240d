"""Everything that is wrong with a file, collected and reported at once."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from penstock.logs import printable
from penstock.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.config.document import Document

MAX_SHOWN = 100
"""Problems that a report lists; more would hide the first."""

_ALIKE = 0.7  # `traces` and `metrics` are alike to 0.62, and no one mistakes them

Path = tuple[str | int, ...]
"""Where in the settings: keys of mappings and indexes of lists, from the root."""


class Place(NamedTuple):
    """Where in the file: line and column, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class Fault(NamedTuple):
    """One problem, with its place in the file and, where it has one, its path."""

    place: Place
    path: Path
    message: str

    def __str__(self) -> str:
        text = f"{dotted(self.path)}: {self.message}" if self.path else self.message
        return printable(text)


class Problems:
    """What is wrong with a document, and what its author should know about it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._faults = list(document.faults)
        self._faulty = {fault.path for fault in document.faults}
        self._warnings: list[Fault] = []

    def add(self, path: Path, message: str, *, key: bool = False) -> None:
        """Note a fault of the value at `path` or of its `key`; the last steps may not exist.

        The first fault of a path stands for those that may follow from it.
        """
        if path not in self._faulty:
            self._faulty.add(path)
            self._faults.append(Fault(self.document.place(path, key=key), path, message))

    def warn(self, path: Path, message: str) -> None:
        """Note what does not stop the start."""
        self._warnings.append(Fault(self.document.place(path, key=True), path, message))

    def raise_any(self) -> None:
        """Raise `ConfigError` with every fault, if there is one."""
        if self._faults:
            raise ConfigError(report(self.document.name, self._faults))

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line each, with its place, in the order of the file."""
        return tuple(
            f"{self.document.name}:{fault.place}: {fault}" for fault in sorted(self._warnings)
        )


def report(name: str, faults: Iterable[Fault]) -> str:
    """The text for a person: how many problems the file `name` has, then one a line, in order."""
    ordered = sorted(faults, key=lambda fault: fault.place)
    shown = ordered[:MAX_SHOWN]
    width = max(len(str(fault.place)) for fault in shown)
    lines = [f"  {fault.place!s:{width}}  {fault}" for fault in shown]
    if len(ordered) > len(shown):
        lines.append(f"  and {len(ordered) - len(shown)} more")
    count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    return "\n".join((f"{printable(name)}: {count}", *lines))


def dotted(path: Path) -> str:
    """The path as the report writes it: `pipelines.traces.processors[1]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def hint(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` when one of `known` is much like `word`, else nothing."""
    near = get_close_matches(word, list(known), n=1, cutoff=_ALIKE)
    return f"; did you mean `{near[0]}`?" if near else ""


def choices(word: str, known: Iterable[str]) -> str:
    """As `hint`; where nothing is near, all that is known."""
    names = list(known)
    *others, last = names or ["none"]
    expected = f"{', '.join(others)} or {last}" if others else last
    return hint(word, names) or f"; expected {expected}"
