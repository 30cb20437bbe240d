"""Settings as a graph: which nodes there are, what each gives its batches to, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.config.settings import PipelineSettings, Settings
    from penstock.pipeline.batch import Signal


class Kind(StrEnum):
    """What stands at a node; `PIPELINE` is a pipeline's entry, where what it is offered counts.

    An extension is at a node that no batch passes.
    """

    EXTENSION = "extension"
    EXPORTER = "exporter"
    CONNECTOR = "connector"
    PROCESSOR = "processor"
    PIPELINE = "pipeline"
    RECEIVER = "receiver"


def place(kind: str, id_: str, pipeline: str | None = None) -> str:
    """What a component is called in logs and accounts: `exporter otlp`, `processor batch in logs`.

    `pipeline` is that of a processor.
    """
    return f"{kind} {id_} in {pipeline}" if pipeline else f"{kind} {id_}"


@dataclass(frozen=True, slots=True)
class Node:
    """A place that batches pass.

    Every pipeline has its own processors, every signal of an exporter its own queue; a receiver
    and a connector are one node each. `pipeline` is that of a processor.
    """

    kind: Kind
    id: str
    pipeline: str | None = None
    signal: Signal | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes and where each leads. Iterate `start_order` to build and to start."""

    start_order: tuple[Node, ...]
    """Exporters first, then what leads to them, receivers last."""
    after: Mapping[Node, tuple[Node, ...]]
    """The nodes that take what a node gives."""

    @classmethod
    def of(cls, settings: Settings) -> Graph:
        """The graph of checked settings. Raises `graphlib.CycleError` for connectors in a ring."""
        after: dict[Node, dict[Node, None]] = {}
        for start, end in _edges(settings):
            after.setdefault(start, {})[end] = None
            after.setdefault(end, {})
        downstream_first = TopologicalSorter(after).static_order()
        return cls(
            start_order=tuple(sorted(downstream_first, key=_rank)),
            after={node: tuple(ends) for node, ends in after.items()},
        )

    def signals_into(self, node: Node) -> frozenset[Signal]:
        """The signals that reach `node` from pipelines."""
        starts = (start for start, ends in self.after.items() if node in ends)
        return frozenset(start.signal for start in starts if start.signal)

    def signals_of(self, kind: str, id_: str) -> frozenset[Signal]:
        """The signals that a component is wired for, coming or going."""
        signals = (
            start.signal or end.signal
            for start, ends in self.after.items()
            for end in ends
            if (kind, id_) in {(start.kind, start.id), (end.kind, end.id)}
        )
        return frozenset(signal for signal in signals if signal)


def members(pipeline: PipelineSettings, settings: Settings) -> list[Node]:
    """The components of a pipeline, in the order in which a batch meets them."""
    return [
        *(_source(id_, settings) for id_ in pipeline.receivers),
        *_steps(pipeline),
        *(_sink(id_, pipeline, settings) for id_ in pipeline.exporters),
    ]


def _rank(node: Node) -> int:
    return {Kind.EXPORTER: 0, Kind.RECEIVER: 2}.get(node.kind, 1)


def _edges(settings: Settings) -> Iterator[tuple[Node, Node]]:
    for pipeline in settings.pipelines.values():
        entry = Node(Kind.PIPELINE, pipeline.id, signal=pipeline.signal)
        for receiver in pipeline.receivers:
            yield _source(receiver, settings), entry
        steps = [entry, *_steps(pipeline)]
        yield from pairwise(steps)
        for exporter in pipeline.exporters:
            yield steps[-1], _sink(exporter, pipeline, settings)


def _steps(pipeline: PipelineSettings) -> list[Node]:
    return [Node(Kind.PROCESSOR, id_, pipeline.id, pipeline.signal) for id_ in pipeline.processors]


def _source(id_: str, settings: Settings) -> Node:
    return Node(Kind.CONNECTOR if id_ in settings.connectors else Kind.RECEIVER, id_)


def _sink(id_: str, pipeline: PipelineSettings, settings: Settings) -> Node:
    if id_ in settings.connectors:
        return Node(Kind.CONNECTOR, id_)
    return Node(Kind.EXPORTER, id_, signal=pipeline.signal)
