"""Effective settings in print: YAML with the origin of each value beside it, or JSON."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.config.document import Entry, Mapping, Node, Scalar, Sequence, plain
from penstock.config.effective import DEFAULT
from penstock.config.problems import dotted
from penstock.config.scalars import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config.problems import Path, Place

_COLUMN = 48
"""Where origins stand, if the lines before them are not all shorter or one is longer."""

_UNQUOTED = re.compile(r"[A-Za-z0-9_./][\w./:$@+-]*(?<!:)", re.ASCII)
_CONTROL = re.compile("[\x7f-\x9f]")  # JSON leaves these as they are, YAML and terminals do not


class Line(NamedTuple):
    """A line of YAML, and where its value comes from if it has one."""

    text: str
    origin: str = ""


def as_yaml(settings: Mapping) -> Iterator[tuple[str, str]]:
    """Lines of YAML that can be loaded again, but for the secrets, each with its comment."""
    lines = _block(settings)
    column = min(max(len(line.text) for line in lines), _COLUMN)
    for text, origin in lines:
        yield (f"{text:{column}}  ", f"# {origin}") if origin else (text, "")


def as_json(settings: Mapping) -> dict[str, Any]:
    """The settings, and the origin of each value by its path."""
    return {"settings": plain(settings), "origins": [*_origins(settings, settings.place, ())]}


def _block(node: Node) -> list[Line]:
    match node:
        case Mapping(entries=entries) if entries:
            return [line for key, entry in entries.items() for line in _under(key, entry)]
        case Sequence(items=items) if items:
            return [line for item in items for line in _item(_block(item))]
    return [Line(_leaf(node), _origin(node.place))]


def _under(key: str, entry: Entry) -> list[Line]:
    below = _block(entry.node)
    if _is_leaf(entry.node):
        return [Line(f"{_quoted(key)}: {below[0].text}", _origin(_place(entry)))]
    return [Line(f"{_quoted(key)}:"), *(Line(f"  {text}", origin) for text, origin in below)]


def _item(below: list[Line]) -> Iterator[Line]:
    for number, (text, origin) in enumerate(below):
        yield Line(f"  {text}" if number else f"- {text}", origin)


def _is_leaf(node: Node) -> bool:
    match node:
        case Mapping(entries=below) | Sequence(items=below):
            return not below
    return True


def _leaf(node: Node) -> str:
    if not isinstance(node, Scalar):
        return "{}" if isinstance(node, Mapping) else "[]"
    if isinstance(node.value, str):
        return _quoted(node.value.replace("$", "$$"))
    if isinstance(node.value, float) and not math.isfinite(node.value):
        return node.text
    return json.dumps(node.value)


def _quoted(text: str) -> str:
    """The text as a scalar that YAML reads as text."""
    if _UNQUOTED.fullmatch(text) and resolve(text) == text:
        return text
    return _CONTROL.sub(lambda it: f"\\x{ord(it[0]):02x}", json.dumps(text, ensure_ascii=False))


def _place(entry: Entry) -> Place:
    """Where a value is; what has no text is where its key is."""
    has_text = not isinstance(entry.node, Scalar) or entry.node.source
    return entry.node.place if has_text else entry.key


def _origin(place: Place) -> str:
    return place.name if place == DEFAULT else place.named


def _origins(node: Node, place: Place, path: Path) -> Iterator[dict[str, Any]]:
    match node:
        case Mapping(entries=entries) if entries:
            for key, entry in entries.items():
                yield from _origins(entry.node, _place(entry), (*path, key))
        case Sequence(items=items) if items:
            for number, item in enumerate(items):
                yield from _origins(item, item.place, (*path, number))
        case _:
            known = place != DEFAULT
            yield {
                "path": dotted(path),
                "file": place.name if known else None,
                "line": place.line if known else None,
                "column": place.column if known else None,
            }
