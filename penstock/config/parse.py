"""YAML text to a document.

Of YAML 1.2 this takes what settings need: one document, the core schema's scalars, and anchors with
merge keys. Tags are refused; size and depth are bounded with every alias written out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from penstock.config.document import Document, Entry, Mapping, Node, Scalar, Sequence
from penstock.config.problems import Fault, Path, Place, report
from penstock.config.scalars import resolve
from penstock.config.substitute import is_reference, substitute
from penstock.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Environment

MAX_BYTES = 4 << 20
"""Size of a document. The largest Collector files that people publish are under 1 MiB."""

MAX_DEPTH = 64
"""Levels of nesting. The Collector's deepest options are at about 12."""

MAX_NODES = 100_000
"""Values in a document with every alias written out: what an alias bomb exceeds."""

_PLAINER = {
    "found character '\\t' that cannot start any token": (
        "found a tab; YAML is indented with spaces"
    ),
    "mapping values are not allowed here": (
        "`: ` inside a value; put the value in quotes, or check the indentation"
    ),
}


def parse(text: str, name: str, environ: Environment[str, str]) -> Document:
    """Read one YAML document and substitute `${env:…}`; `name` stands for it in reports.

    Raises `ConfigError` for text that is not YAML, and for what exceeds the bounds.
    """
    builder = _Builder(environ)
    try:
        if len(text.encode()) > MAX_BYTES:
            _stop(Place(1, 1), (), f"the file is over {MAX_BYTES >> 20} MiB, the limit of settings")
        root = builder.document(YAML(typ="safe", pure=True).parse(text))
    except _UnreadableError as error:
        raise ConfigError(report(name, [*builder.faults, error.fault])) from None
    except YAMLError as error:
        raise ConfigError(report(name, [*builder.faults, _syntax(error, text)])) from None
    return Document(name, root, builder.faults)


class _UnreadableError(Exception):
    """A fault after which the rest of the document means nothing."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def _stop(place: Place, path: Path, message: str) -> NoReturn:
    raise _UnreadableError(Fault(place, path, message))


class _Builder:
    """Makes nodes of the parser's events."""

    def __init__(self, environ: Environment[str, str]) -> None:
        self.faults: list[Fault] = []
        self._environ = environ
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._size = 0

    def document(self, events: Iterator[Any]) -> Mapping:
        root: Node | None = None
        for event in events:
            if not isinstance(event, DocumentStartEvent):
                continue
            if root:
                _stop(_place(event), (), "a second document; settings are one document")
            root = self._node(next(events), (), events)
        if not isinstance(root, Mapping):
            _stop(Place(1, 1), (), "expected a mapping with `receivers`, `exporters` and `service`")
        return root

    def _node(self, event: Any, path: Path, events: Iterator[Any]) -> Node:
        if len(path) > MAX_DEPTH:
            _stop(_place(event), (), f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            self._fault(_place(event), path, f"the tag `{event.tag}` is refused; leave tags out")
        before = self._size
        self._count(1, event, path)
        node = self._content(event, path, events)
        if event.anchor is not None:
            self._anchors[event.anchor] = node, self._size - before
        return node

    def _content(self, event: Any, path: Path, events: Iterator[Any]) -> Node:
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, path, events)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, path, events)
        return self._scalar(event, path)

    def _alias(self, event: AliasEvent, path: Path) -> Node:
        # An anchor is known when its node is complete, so no node can contain itself.
        if event.anchor not in self._anchors:
            _stop(_place(event), path, f"no anchor `&{event.anchor}` comes before this alias")
        node, size = self._anchors[event.anchor]
        self._count(size, event, path)
        return node

    def _count(self, nodes: int, event: Any, path: Path) -> None:
        self._size += nodes
        if self._size > MAX_NODES:
            _stop(_place(event), path, f"over {MAX_NODES:,} values, counting each alias in full")

    def _sequence(self, start: SequenceStartEvent, path: Path, events: Iterator[Any]) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), events))
        return Sequence(_place(start), items)

    def _mapping(self, start: MappingStartEvent, path: Path, events: Iterator[Any]) -> Mapping:
        entries: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key = self._key(event, path)
            node = self._node(next(events), (*path, key), events)
            if key == "<<" and _is_plain(event):
                merged = self._merge(node, path) | merged
            elif key in entries:
                first = entries[key].key
                self._fault(_place(event), (*path, key), f"given twice, first at {first}")
            else:
                entries[key] = Entry(_place(event), node)
        return Mapping(_place(start), merged | entries)

    def _key(self, event: Any, path: Path) -> str:
        if not isinstance(event, ScalarEvent):
            _stop(_place(event), path, "expected a name as the key of a mapping")
        return str(event.value)

    def _merge(self, node: Node, path: Path) -> dict[str, Entry]:
        sources = node.items if isinstance(node, Sequence) else [node]
        merged: dict[str, Entry] = {}
        for source in sources:
            if isinstance(source, Mapping):
                merged = source.entries | merged
            else:
                self._fault(source.place, (*path, "<<"), "expected a mapping to merge")
        return merged

    def _scalar(self, event: ScalarEvent, path: Path) -> Scalar:
        source = str(event.value)
        try:
            text = substitute(source, self._environ)
        except ValueError as error:
            self._fault(_place(event), path, str(error))
            text = source
        from_outside = text != source and is_reference(source)
        value = resolve(text) if _is_plain(event) or from_outside else text
        return Scalar(_place(event), source, text, value)

    def _fault(self, place: Place, path: Path, message: str) -> None:
        self.faults.append(Fault(place, path, message))


def _is_plain(event: ScalarEvent) -> bool:
    return event.style is None


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _syntax(error: YAMLError, text: str) -> Fault:
    if isinstance(error, ReaderError):
        before = text[: error.position]
        line = before.count("\n") + 1
        place = Place(line, len(before) - before.rfind("\n"))
        return Fault(place, (), f"the character U+{error.character:04X} is not allowed in YAML")
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Fault(Place(1, 1), (), str(error))
    mark = error.problem_mark
    problem = f"{error.context}: {error.problem}" if error.context else error.problem
    message = _PLAINER.get(error.problem, problem)
    return Fault(Place(mark.line + 1, mark.column + 1), (), message)
