"""YAML text to a tree.

Of YAML this takes what settings need: one document, scalars of the core schema of YAML 1.2, and
anchors with merge keys. Tags are refused; size and depth are bounded with every alias written out.

The parser is libyaml, which the Collector's is a port of: both understand the same text, and it
takes a fiftieth of the time of one in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from yaml import CSafeLoader
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from penstock.config.document import Entry, Mapping, Node, Scalar, Sequence
from penstock.config.problems import MAX_SHOWN, Fault, Path, Place
from penstock.config.scalars import resolve
from penstock.config.sources import MAX_BYTES, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 64
"""Levels of nesting. The Collector's deepest options are at about 12."""

MAX_NODES = 50_000
"""Values in a document with every alias written out: what an alias bomb exceeds."""

_PLAINER = {
    "mapping values are not allowed in this context": (
        "`: ` inside a value; put the value in quotes, or check the indentation"
    ),
    "did not find expected key": "expected a key; check the indentation",
    "did not find expected '-' indicator": "expected an item of a list; check the indentation",
    "did not find expected node content": "expected a value",
    "found unexpected end of stream": "the text ends inside quotes",
    "did not find expected ',' or ']'": "expected `,` or `]`",
    "did not find expected ',' or '}'": "expected `,` or `}`; what has braces needs quotes",
}
"""The parser's words in plainer ones."""


def parse(source: Source) -> tuple[Node, list[Fault]]:
    """The node that is the text of `source`, and the faults that did not keep it from being read.

    Nothing is substituted yet. Raises `UnreadableError` for text that is not YAML, and for what
    exceeds the bounds.
    """
    builder = _Builder(source)
    try:
        root = builder.document(iter(CSafeLoader(_bounded(source)).get_event, None))
    except YAMLError as error:
        fault = _syntax(error, source)
        raise UnreadableError([*builder.faults, fault]) from None
    return root, builder.faults


def _bounded(source: Source) -> str:
    message = f"the text is over {MAX_BYTES >> 20} MiB, the limit of settings"
    try:
        if len(source.text.encode()) <= MAX_BYTES:
            return source.text
    except UnicodeEncodeError as error:  # as in an argument or a variable
        message = f"not UTF-8 text: {error.reason} after {error.start} characters"
    raise UnreadableError([Fault(Place(1, 1, source.name), (), message)])


class UnreadableError(Exception):
    """The last of `faults` is one after which the rest of the text means nothing."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults


class _Anchor(NamedTuple):
    """A node that has a name, the values in it and the levels below it, aliases written out."""

    node: Node
    size: int
    height: int


class _Builder:
    """Makes nodes of the parser's events."""

    def __init__(self, source: Source) -> None:
        self.faults: list[Fault] = []
        self._source = source
        self._anchors: dict[str, _Anchor] = {}
        self._size = 0
        self._depth = 0

    def document(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            if not isinstance(event, DocumentStartEvent):
                continue
            if root:
                self._stop(event, (), "a second document; settings are one document")
            root = self._node(next(events), self._source.path, events)
        return root or Scalar(Place(1, 1, self._source.name), "", "", None)

    def _node(self, event: Any, path: Path, events: Iterator[Any]) -> Node:
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            self._fault(
                self._place(event), path, f"the tag `{event.tag}` is refused; leave tags out"
            )
        self._count(1, len(path), event, path)
        if event.anchor is None:
            return self._content(event, path, events)
        return self._anchored(event, path, events)

    def _anchored(self, event: Any, path: Path, events: Iterator[Any]) -> Node:
        size, depth, self._depth = self._size, self._depth, len(path)
        node = self._content(event, path, events)
        self._anchors[event.anchor] = _Anchor(node, self._size - size + 1, self._depth - len(path))
        self._depth = max(depth, self._depth)
        return node

    def _content(self, event: Any, path: Path, events: Iterator[Any]) -> Node:
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, path, events)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, path, events)
        return self._scalar(event)

    def _alias(self, event: AliasEvent, path: Path) -> Node:
        # An anchor is known when its node is complete, so no node can contain itself.
        if event.anchor not in self._anchors:
            self._stop(event, path, f"no anchor `&{event.anchor}` comes before this alias")
        anchor = self._anchors[event.anchor]
        self._count(anchor.size, len(path) + anchor.height, event, path)
        return anchor.node

    def _count(self, nodes: int, depth: int, event: Any, path: Path) -> None:
        self._size += nodes
        self._depth = max(self._depth, depth)
        if depth > MAX_DEPTH:
            self._stop(event, (), f"nested more than {MAX_DEPTH} levels deep")
        if self._size > MAX_NODES:
            self._stop(event, path, f"over {MAX_NODES:,} values, counting each alias in full")

    def _sequence(self, start: SequenceStartEvent, path: Path, events: Iterator[Any]) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), events))
        return Sequence(self._place(start), items)

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
                self._fault(self._place(event), (*path, key), f"given twice, first at {first}")
            else:
                entries[key] = Entry(self._place(event), node)
        return Mapping(self._place(start), merged | entries)

    def _key(self, event: Any, path: Path) -> str:
        if not isinstance(event, ScalarEvent):
            self._stop(event, path, "expected a name as the key of a mapping")
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

    def _scalar(self, event: ScalarEvent) -> Scalar:
        text = str(event.value)
        plain = _is_plain(event)
        return Scalar(self._place(event), text, text, resolve(text) if plain else text, plain)

    def _fault(self, place: Place, path: Path, message: str) -> None:
        self.faults.append(Fault(place, path, message))
        if len(self.faults) >= MAX_SHOWN:
            raise UnreadableError(self.faults)

    def _stop(self, event: Any, path: Path, message: str) -> NoReturn:
        raise UnreadableError([*self.faults, Fault(self._place(event), path, message)])

    def _place(self, event: Any) -> Place:
        return Place(event.start_mark.line + 1, event.start_mark.column + 1, self._source.name)


def _is_plain(event: ScalarEvent) -> bool:
    return not event.style


def _syntax(error: YAMLError, source: Source) -> Fault:
    if isinstance(error, ReaderError):
        return _character(error, source)
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Fault(Place(1, 1, source.name), (), str(error))
    mark = error.problem_mark
    place = Place(mark.line + 1, mark.column + 1, source.name)
    if error.problem == "found character that cannot start any token":
        return Fault(place, (), _start(source.text.splitlines()[mark.line][mark.column]))
    message = _PLAINER.get(error.problem or "", error.problem or "not YAML")
    if error.context_mark and error.context_mark.index != mark.index:
        start = Place(error.context_mark.line + 1, error.context_mark.column + 1)
        message += f", in what begins at {start}"
    return Fault(place, (), message)


def _start(character: str) -> str:
    if character == "\t":
        return "found a tab; YAML is indented with spaces"
    return f"`{character}` cannot begin a value; put the value in quotes"


def _character(error: ReaderError, source: Source) -> Fault:
    # The parser counts bytes.
    before = source.text.encode()[: error.position].decode()
    place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"), source.name)
    return Fault(place, (), f"the character U+{error.character:04X} is not allowed in YAML")
