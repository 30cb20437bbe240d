"""Several sources to one tree, as the Collector merges them.

Mappings are merged key by key; whatever else comes later replaces what came before. What the
Collector lacks by default is a way to add to a list: the key `exporters+` puts the items of its
list behind those that `exporters` has so far, and leaves out what is there already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.config.document import Entry, Mapping, Node, Scalar, Sequence, plain
from penstock.config.problems import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.config.problems import Path


class Merger:
    """Merges mappings. `warnings` tell what an empty key of a later source wiped out."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []

    def merge(self, roots: Iterable[Mapping]) -> Mapping:
        """All of `roots`, of which there is one or more, later ones winning."""
        first, *others = roots
        merged = self._mapping(Mapping(first.place, {}), first, ())
        for root in others:
            merged = self._mapping(merged, root, ())
        return merged

    def _mapping(self, base: Mapping, over: Mapping, path: Path) -> Mapping:
        entries = dict(base.entries)
        for name, entry in sorted(over.entries.items(), key=_adds):
            if _adds((name, entry)):
                key = name[:-1]
                entries[key] = self._extended(entries.get(key), entry, (*path, name))
            else:
                entries[name] = self._entry(entries.get(name), entry, (*path, name))
        return Mapping(base.place, entries)

    def _entry(self, before: Entry | None, entry: Entry, path: Path) -> Entry:
        base = before.node if before else None
        if isinstance(entry.node, Mapping):
            if before and isinstance(base, Mapping):
                return Entry(before.key, self._mapping(base, entry.node, path))
            return Entry(entry.key, self._mapping(Mapping(entry.node.place, {}), entry.node, path))
        if before and isinstance(base, Mapping) and base.entries and _is_nothing(entry.node):
            message = f"replaces what {before.key.named} has with nothing; leave it out to keep it"
            self.warnings.append(Fault(entry.key, path, message))
        return entry

    def _extended(self, before: Entry | None, entry: Entry, path: Path) -> Entry:
        if before is None or _is_nothing(before.node):
            return entry
        if not (isinstance(before.node, Sequence) and isinstance(entry.node, Sequence)):
            message = f"adds to a list, and {before.key.named} is none"
            self.faults.append(Fault(entry.key, path, message))
            return before
        there = [plain(item) for item in before.node.items]
        new = [item for item in entry.node.items if plain(item) not in there]
        return Entry(before.key, Sequence(before.node.place, before.node.items + new))


def _adds(item: tuple[str, Entry]) -> bool:
    name, entry = item
    return name.endswith("+") and isinstance(entry.node, Sequence)


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
