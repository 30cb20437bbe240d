"""Settings as a graph."""

from graphlib import CycleError

import pytest

from penstock.connectors.forward import Forward
from penstock.pipeline import Signal
from penstock.pipeline.graph import Graph, Kind, Node
from tests.kit import Backend, Hold, Source, wire


def entry(id_: str) -> Node:
    return Node(Kind.PIPELINE, id_, signal=Signal(id_.partition("/")[0]))


def step(id_: str, pipeline: str) -> Node:
    return Node(Kind.PROCESSOR, id_, pipeline, Signal(pipeline.partition("/")[0]))


def exporter(id_: str, signal: str) -> Node:
    return Node(Kind.EXPORTER, id_, signal=Signal(signal))


RECEIVER = Node(Kind.RECEIVER, "in")


def test_a_pipeline_leads_from_its_receivers_through_its_processors_to_its_exporters() -> None:
    graph = Graph.of(
        wire("traces: in -> a b -> out", in_=Source(), a=Hold(), b=Hold(), out=Backend())
    )
    assert graph.after == {
        RECEIVER: (entry("traces"),),
        entry("traces"): (step("a", "traces"),),
        step("a", "traces"): (step("b", "traces"),),
        step("b", "traces"): (exporter("out", "traces"),),
        exporter("out", "traces"): (),
    }


def test_a_receiver_is_one_node_and_every_signal_of_an_exporter_is_one() -> None:
    graph = Graph.of(
        wire(
            "traces: in -> hold -> out",
            "traces/2: in -> hold -> out",
            "logs: in -> out",
            in_=Source(),
            hold=Hold(),
            out=Backend(),
        )
    )
    assert graph.after[RECEIVER] == (entry("traces"), entry("traces/2"), entry("logs"))
    assert step("hold", "traces") in graph.after
    assert step("hold", "traces/2") in graph.after
    assert graph.signals_into(exporter("out", "traces")) == {Signal.TRACES}
    assert graph.signals_of("exporter", "out") == {Signal.TRACES, Signal.LOGS}
    assert graph.signals_of("receiver", "in") == {Signal.TRACES, Signal.LOGS}


def test_a_connector_ends_pipelines_and_starts_others() -> None:
    graph = Graph.of(
        wire(
            "traces: in -> link",
            "logs: in -> link",
            "traces/2: link -> out",
            in_=Source(),
            link=Forward(),
            out=Backend(),
        )
    )
    link = Node(Kind.CONNECTOR, "link")
    assert graph.after[link] == (entry("traces/2"),)
    assert graph.signals_into(link) == {Signal.TRACES, Signal.LOGS}


def test_exporters_start_first_receivers_last_and_everything_after_what_it_leads_to() -> None:
    graph = Graph.of(
        wire(
            "traces/2: link in -> b -> out",
            "traces: in -> a -> link nop",
            in_=Source(),
            link=Forward(),
            out=Backend(),
            nop=Backend(),
            a=Hold(),
            b=Hold(),
        )
    )
    order = graph.start_order
    assert set(order) == set(graph.after)
    assert {node.kind for node in order[:2]} == {Kind.EXPORTER}
    assert order[-1] == RECEIVER
    for node, ends in graph.after.items():
        assert all(order.index(end) < order.index(node) for end in ends)


def test_connectors_in_a_ring_are_an_error() -> None:
    settings = wire("traces: a -> b", "traces/2: b -> a", a=Forward(), b=Forward())
    with pytest.raises(CycleError):
        Graph.of(settings)
