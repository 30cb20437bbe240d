"""Settings as a tree of nodes that know where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from penstock.config.problems import Fault, Path, Place
    from penstock.config.scalars import Value


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `source` is its text as written, `text` the same after substitution.

    `plain` is for text without quotes, which YAML gives a type.
    """

    place: Place
    source: str
    text: str
    value: Value
    plain: bool = True

    @property
    def substituted(self) -> bool:
        """Whether the value, and with it its YAML type, came from outside the file."""
        return self.source != self.text


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list. `text` is all of it where one variable holds it."""

    place: Place
    items: list[Node]
    text: str | None = None


class Entry(NamedTuple):
    """What a key of a mapping leads to, and where the key is."""

    key: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping. Its keys are always text. `text` is all of it where one variable holds it."""

    place: Place
    entries: dict[str, Entry]
    text: str | None = None


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """Settings of one source or of several, and the faults that did not keep them from being read.

    `warnings` are what does not stop the start.
    """

    root: Mapping
    names: tuple[str, ...]
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def find(self, path: Path) -> Node | None:
        """The node at `path`, if there is one."""
        return find(self.root, path)

    def keys(self, path: Path) -> list[str]:
        """The keys of the mapping at `path`; none where there is no mapping."""
        node = self.find(path)
        return list(node.entries) if isinstance(node, Mapping) else []

    def strings(self, path: Path) -> list[tuple[Path, str]]:
        """The texts in the list at `path`, each with its own path; none where there is no list."""
        node = self.find(path)
        values = [plain(item) for item in node.items] if isinstance(node, Sequence) else []
        return [((*path, i), value) for i, value in enumerate(values) if isinstance(value, str)]

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at `path` is, or as much of the path as exists; with `key`, its key.

        What has a key but no text of its own on that line is where its key is.
        """
        node: Node = self.root
        place = node.place
        for step in path:
            below = child(node, step)
            if below is None:
                return place
            place = below.place
            if isinstance(node, Mapping) and (key or not _has_text(below)):
                place = node.entries[str(step)].key
            node = below
        return place


def child(node: Node, step: str | int) -> Node | None:
    """One step down: the value of a key, or the item at an index."""
    if isinstance(node, Mapping):
        entry = node.entries.get(str(step))
        return entry.node if entry else None
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def find(node: Node, path: Path) -> Node | None:
    """The node at `path` below `node`, if there is one."""
    for step in path:
        below = child(node, step)
        if below is None:
            return None
        node = below
    return node


def plain(node: Node) -> Any:
    """The node as dicts, lists and scalars, every container a new one."""
    match node:
        case Mapping():
            return {key: plain(entry.node) for key, entry in node.entries.items()}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value


def _has_text(node: Node) -> bool:
    return isinstance(node, Scalar) and bool(node.source)
