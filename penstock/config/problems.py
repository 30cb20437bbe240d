"""Everything that is wrong with settings, collected and reported at once."""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from penstock.logs import printable
from penstock.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from penstock.config.document import Document

MAX_SHOWN = 100
"""Problems that a report lists; more would hide the first."""

_ALIKE = 0.7  # `traces` and `metrics` are alike to 0.62, and no one mistakes them

_SUGGESTION = re.compile(r"; did you mean `([^`]+)`\?")

Path = tuple[str | int, ...]
"""Where in the settings: keys of mappings and indexes of lists, from the root."""


class Place(NamedTuple):
    """Where in which source: line and column, both counted from 1, and the source's name."""

    line: int
    column: int
    name: str = ""

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"

    @property
    def named(self) -> str:
        """`name:line:column`."""
        return f"{printable(self.name)}:{self}"


class Fault(NamedTuple):
    """One problem, with its place and, where it has one, its path."""

    place: Place
    path: Path
    message: str

    def __str__(self) -> str:
        text = f"{dotted(self.path)}: {self.message}" if self.path else self.message
        return printable(text)

    @property
    def suggestion(self) -> str | None:
        """What was probably meant, where the message says so."""
        match = _SUGGESTION.search(self.message)
        return match[1] if match else None

    @property
    def line(self) -> str:
        """All of it in one line: `name:line:column: path: message`."""
        return f"{self.place.named}: {self}"


class Problems:
    """What is wrong with a document, and what its author should know about it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._faults = list(document.faults)
        self._faulty = {fault.path for fault in document.faults}
        self._warnings = list(document.warnings)

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
            raise fault_error(self._faults, self.document.names)

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """All of them in the order of the sources."""
        return tuple(_ordered(self._warnings, self.document.names))


def fault_error(faults: Iterable[Fault], names: Sequence[str]) -> ConfigError:
    """What to raise for `faults`; `names` are the sources in their order."""
    ordered = _ordered(faults, names)
    return ConfigError(report(ordered), tuple(ordered))


def report(faults: Sequence[Fault]) -> str:
    """The text for a person: for each source how many problems it has, then one a line."""
    shown = faults[:MAX_SHOWN]
    lines = []
    for name, group in groupby(shown, key=lambda fault: fault.place.name):
        found = list(group)
        width = max(len(str(fault.place)) for fault in found)
        count = sum(fault.place.name == name for fault in faults)
        lines.append(f"{printable(name)}: {count} problem{'' if count == 1 else 's'}")
        lines += [f"  {fault.place!s:{width}}  {fault}" for fault in found]
    if len(faults) > len(shown):
        lines.append(f"  and {len(faults) - len(shown)} more")
    return "\n".join(lines)


def _ordered(faults: Iterable[Fault], names: Sequence[str]) -> list[Fault]:
    rank = {name: place for place, name in enumerate(names)}

    def key(fault: Fault) -> tuple[int, str, Place]:
        place = fault.place
        return rank.get(place.name, len(rank)), place.name, place

    return sorted(faults, key=key)


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
