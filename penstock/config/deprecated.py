"""Older spellings of the Collector's, which are accepted with a warning."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from penstock.config.catalog import DEPRECATED
from penstock.config.document import Document, Entry, Mapping, Node
from penstock.config.problems import Fault, dotted

if TYPE_CHECKING:
    from penstock.config.problems import Path


class Renamed(NamedTuple):
    """An option that has another name today. In `path`, `*` stands for every key."""

    path: tuple[str, ...]
    old: str
    new: str


RENAMED = (Renamed(("exporters", "*", "sending_queue"), "blocking", "block_on_overflow"),)

REPLACED = {
    ("service", "telemetry", "metrics", "address"): (
        "use `readers: [{pull: {exporter: {prometheus: {host: localhost, port: 8888}}}}]`"
    ),
}
"""Options that another has replaced, by path: what to write."""


def modernised(document: Document) -> Document:
    """The document with today's names for older ones, and a warning for each of those."""
    for renamed in RENAMED:
        document = _rename(document, renamed)
    for path, remedy in REPLACED.items():
        if document.find(path):
            _warn(document, path, f"deprecated in the Collector; {remedy}")
    for kind, types in DEPRECATED.items():
        for id_ in document.keys((kind.value,)):
            if today := types.get(id_.partition("/")[0]):
                _warn(document, (kind.value, id_), f"the Collector has `{today}` for this; use it")
    return document


def _rename(document: Document, renamed: Renamed) -> Document:
    root = document.root
    for at in _matching(root, renamed.path):
        mapping = document.find(at)
        if isinstance(mapping, Mapping) and renamed.old in mapping.entries:
            path = (*at, renamed.old)
            if renamed.new in mapping.entries:
                message = f"the older name of {dotted((*at, renamed.new))}; keep one of them"
                document.faults.append(Fault(document.place(path, key=True), path, message))
            _warn(document, path, f"the older name of `{renamed.new}`; use that")
            root = _replaced(root, at, _with_today_name(mapping, renamed))
    return replace(document, root=root)


def _matching(node: Node, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The paths in `node` that `path` stands for."""
    if not path:
        return [()]
    if not isinstance(node, Mapping):
        return []
    steps = list(node.entries) if path[0] == "*" else [path[0]] if path[0] in node.entries else []
    return [
        (step, *rest) for step in steps for rest in _matching(node.entries[step].node, path[1:])
    ]


def _replaced(node: Mapping, path: tuple[str, ...], value: Mapping) -> Mapping:
    if not path:
        return value
    entry = node.entries[path[0]]
    assert isinstance(entry.node, Mapping)
    below = Entry(entry.key, _replaced(entry.node, path[1:], value))
    return replace(node, entries={**node.entries, path[0]: below})


def _with_today_name(mapping: Mapping, renamed: Renamed) -> Mapping:
    names = {renamed.old: renamed.new}
    entries = {names.get(key, key): entry for key, entry in mapping.entries.items()}
    return replace(mapping, entries=entries)


def _warn(document: Document, path: Path, message: str) -> None:
    document.warnings.append(Fault(document.place(path, key=True), path, message))
