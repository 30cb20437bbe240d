"""Sources to one document: each is parsed, then all are merged, then references are replaced.

In this order, as in the Collector: what a later source replaces is not looked up.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from penstock.config.document import Document, Entry, Mapping, Node, Scalar
from penstock.config.expand import Expander
from penstock.config.merge import Merger
from penstock.config.parse import MAX_DEPTH, UnreadableError, parse
from penstock.config.problems import Fault, fault_error
from penstock.config.sources import Source, source_set, sources_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Mapping as Environment
    from importlib.resources.abc import Traversable

_EXPECTED = "expected a mapping with `receivers`, `exporters` and `service`"


def read(
    locations: Iterable[str | Traversable], sets: Iterable[str], environ: Environment[str, str]
) -> Document:
    """The document that all sources make: those at `locations`, then `sets`, later ones winning.

    Raises `ConfigError` where one cannot be read at all, for all of those.
    """
    sources = [source for location in locations for source in sources_at(location, environ)]
    return _merged([*sources, *map(source_set, sets)], environ)


def read_text(text: str, name: str, environ: Environment[str, str]) -> Document:
    """The document that one text makes; `name` stands for it in reports. Raises as `read` does."""
    return _merged([Source(name, text)], environ)


def _merged(sources: list[Source], environ: Environment[str, str]) -> Document:
    names = tuple(source.name for source in sources)
    faults: list[Fault] = []
    roots: list[Mapping] = []
    readable = True
    for source in sources:
        try:
            node, found = parse(source)
            roots += _roots(node, source)
        except UnreadableError as error:
            readable, found = False, error.faults
        faults += found
    if not readable:
        raise fault_error(faults, names)
    if not any(root.entries for root in roots):
        raise fault_error([*faults, Fault(roots[0].place, (), _EXPECTED)], names)
    merger, expander = Merger(), Expander(environ)
    try:
        root = expander.expand(merger.merge(roots))
    except UnreadableError as error:
        raise fault_error([*faults, *merger.faults, *error.faults], names) from None
    return Document(root, names, faults + merger.faults + expander.faults, merger.warnings)


def _roots(node: Node, source: Source) -> Iterator[Mapping]:
    """The text of a source as mappings to merge, each from the root."""
    for step in reversed(source.path):
        node = _within(str(step), node)
    if isinstance(node, Scalar) and node.value is None and not source.path:
        node = Mapping(node.place, {})
    if not isinstance(node, Mapping):
        raise UnreadableError([Fault(node.place, (), _EXPECTED)])
    yield Mapping(node.place, {k: it for k, it in node.entries.items() if "::" not in k})
    yield from (_unfolded(key, it) for key, it in node.entries.items() if "::" in key)


def _unfolded(name: str, entry: Entry) -> Mapping:
    """`a::b: c` as `a: {b: c}`: the Collector's short form, for a line of text."""
    steps = name.split("::")
    if len(steps) > MAX_DEPTH:
        message = f"nested more than {MAX_DEPTH} levels deep"
        raise UnreadableError([Fault(entry.key, (), message)])
    last = Mapping(entry.key, {steps.pop(): entry})
    return reduce(lambda node, step: _within(step, node), reversed(steps), last)


def _within(step: str, node: Node) -> Mapping:
    return Mapping(node.place, {step: Entry(node.place, node)})
