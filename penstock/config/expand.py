"""Replace the references in a tree by what they stand for, typed as in the Collector.

A value that is one reference has the type that its YAML has, mappings and lists included; in the
middle of other text it is text. A mapping or a list in a file is settings like any other, with
references of its own; what a variable holds, or a file with one value, is not looked at again.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from penstock.config.document import Entry, Mapping, Node, Scalar, Sequence
from penstock.config.parse import MAX_DEPTH, MAX_NODES, UnreadableError, parse
from penstock.config.problems import Fault, Place
from penstock.config.scalars import resolve
from penstock.config.sources import MAX_BYTES, Source
from penstock.config.substitute import MAX_NESTED, Content, Reference, join, look_up, split

if TYPE_CHECKING:
    from collections.abc import Mapping as Environment

    from penstock.config.problems import Path

_STRUCTURED = re.compile(r"[\[{\"'&*!|>?#-]|.*?(?:[:#]\s|:$|\s#|\n)", re.DOTALL)
"""Text that may be more in YAML than one unquoted scalar."""


class Expander:
    """Replaces references by values of `environ` and of files. `faults` are those without one."""

    def __init__(self, environ: Environment[str, str]) -> None:
        self.faults: list[Fault] = []
        self._environ = environ
        self._nodes = 0
        self._bytes = 0
        self._files = 0

    def expand(self, root: Mapping) -> Mapping:
        """The same with every reference replaced. Raises `UnreadableError` for too much of it."""
        expanded = self._node(root, ())
        assert isinstance(expanded, Mapping)
        return expanded

    def _node(self, node: Node, path: Path) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(node.place, path, f"over {MAX_NODES:,} values in all sources")
        if len(path) > MAX_DEPTH:
            self._stop(node.place, (), f"nested more than {MAX_DEPTH} levels deep")
        match node:
            case Scalar():
                return self._scalar(node, path) if "$" in node.source else node
            case Sequence():
                items = [self._node(item, (*path, i)) for i, item in enumerate(node.items)]
                return Sequence(node.place, items, node.text)
            case Mapping():
                entries = {
                    key: Entry(entry.key, self._node(entry.node, (*path, key)))
                    for key, entry in node.entries.items()
                }
                return Mapping(node.place, entries, node.text)

    def _scalar(self, node: Scalar, path: Path) -> Node:
        try:
            parts = split(node.source)
            if len(parts) == 1 and isinstance(parts[0], Reference):
                return self._whole(node, look_up(parts[0], self._environ), path)
            text = join(parts, self._environ)
        except ValueError as error:
            self.faults.append(Fault(node.place, path, str(error)))
            return node
        self._weigh(text, node.place, path)
        return Scalar(node.place, node.source, text, resolve(text) if node.plain else text)

    def _whole(self, node: Scalar, content: Content, path: Path) -> Node:
        self._weigh(content.text, node.place, path)
        found = self._parsed(content, path)
        if isinstance(found, Scalar):
            value = content.text if isinstance(found.value, str) else found.value
            return Scalar(node.place, node.source, content.text, value)
        if content.is_file:
            return replace(self._included(found, path), text=content.text)
        veiled: Mapping | Sequence = replace(_veiled(found, node.source), text=content.text)
        return veiled

    def _parsed(self, content: Content, path: Path) -> Mapping | Sequence | Scalar:
        """What YAML makes of it; what is no YAML is text, for passwords may begin with a brace."""
        text = Scalar(Place(1, 1, content.name), content.text, content.text, resolve(content.text))
        if not _STRUCTURED.match(content.text):
            return text
        try:
            node, faults = parse(Source(content.name.removeprefix("file:"), content.text, path))
        except UnreadableError:
            if content.is_settings:
                raise
            return text
        if faults and not content.is_file:
            return text
        self.faults += faults
        return node

    def _included(self, node: Mapping | Sequence, path: Path) -> Mapping | Sequence:
        if self._files == MAX_NESTED:
            self._stop(node.place, path, f"more than {MAX_NESTED} files within one another")
        self._files += 1
        expanded = self._node(node, path)
        self._files -= 1
        assert not isinstance(expanded, Scalar)
        return expanded

    def _weigh(self, text: str, place: Place, path: Path) -> None:
        self._bytes += len(text)
        if self._bytes > MAX_BYTES:
            self._stop(place, path, f"over {MAX_BYTES >> 20} MiB of text from outside")

    def _stop(self, place: Place, path: Path, message: str) -> NoReturn:
        raise UnreadableError([*self.faults, Fault(place, path, message)])


def _veiled(node: Node, reference: str) -> Any:
    """The node with `reference` in the place of each text, since variables may hold secrets."""
    match node:
        case Scalar():
            return replace(node, source=reference)
        case Sequence():
            return replace(node, items=[_veiled(item, reference) for item in node.items])
        case Mapping():
            entries = {
                key: Entry(entry.key, _veiled(entry.node, reference))
                for key, entry in node.entries.items()
            }
            return replace(node, entries=entries)
