"""From settings to joined components: everything is built, and nothing started."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from penstock.logs import component_logger
from penstock.pipeline.balancer import Balancer
from penstock.pipeline.books import Books
from penstock.pipeline.component import Context, Router, Stage
from penstock.pipeline.delivery.balanced import Balanced
from penstock.pipeline.delivery.delivery import Delivery
from penstock.pipeline.edges import Entry, ReceiverEdge
from penstock.pipeline.fanout import FanOut, Inlet
from penstock.pipeline.graph import Graph, Kind, Node, members, place
from penstock.pipeline.memory.limits import Memory
from penstock.pipeline.memory.pace import Pace
from penstock.pipeline.routing import RouterStep
from penstock.pipeline.senders import Senders, sources_of
from penstock.pipeline.status import Board, Status
from penstock.pipeline.steps import ProcessorStep, StageStep
from penstock.pipeline.telemetry.registry import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.config.settings import Settings
    from penstock.pipeline.batch import Signal
    from penstock.pipeline.component import Exporter, Extension, Receiver
    from penstock.pipeline.senders import Source
    from penstock.pipeline.status import State
    from penstock.pipeline.tasks import ComponentTasks
    from penstock.pipeline.telemetry.registry import Reading
    from penstock.pipeline.telemetry.setup import OwnTelemetry


class Assembly:
    """The components of a service, joined; each collection is in the order of the start."""

    def __init__(
        self,
        settings: Settings,
        own: OwnTelemetry,
        tasks: Callable[[str], ComponentTasks],
    ) -> None:
        self.books = Books()
        self.board = Board()
        self._pace = Pace()
        self.memory = Memory(queued=lambda: self._pace.bytes)
        self.extensions: dict[str, Extension] = {}
        self.exporters: dict[str, Exporter | Balancer] = {}
        self.deliveries: list[Delivery | Balanced] = []
        self.stages: list[StageStep] = []
        self.receivers: dict[str, tuple[Receiver, ReceiverEdge]] = {}
        self._settings = settings
        self._telemetry = own.registry
        self._tracing = own.tracing
        self._instance = own.instance
        self._tasks = tasks
        self._graph = Graph.of(settings)
        self._inlets: dict[Node, Inlet] = {}
        self._states: dict[Node, State] = {}
        self._came: defaultdict[str, dict[str, Reading]] = defaultdict(dict)
        self._steps: defaultdict[str | None, list[ProcessorStep | StageStep]] = defaultdict(list)
        self._build()

    @property
    def queues(self) -> dict[tuple[str, Signal], Delivery]:
        """The deliveries that can leave what they hold to others, by exporter and signal."""
        return {
            (each.exporter, each.signal): each
            for each in self.deliveries
            if isinstance(each, Delivery) and each.can_leave
        }

    def _build(self) -> None:
        for id_ in self._settings.service_extensions:
            context = self._context(Node(Kind.EXTENSION, id_))
            self.extensions[id_] = self._settings.extensions[id_].build(context)
        add = {
            Kind.EXPORTER: self._add_exporter,
            Kind.CONNECTOR: self._add_connector,
            Kind.PROCESSOR: self._add_processor,
            Kind.PIPELINE: self._add_pipeline,
            Kind.RECEIVER: self._add_receiver,
        }
        for node in self._graph.start_order:
            add[node.kind](node)
        self._show_states()

    def _show_states(self) -> None:
        groups = {"extensions": [Node(Kind.EXTENSION, id_) for id_ in self.extensions]}
        for pipeline in self._settings.pipelines.values():
            groups[f"pipeline:{pipeline.id}"] = members(pipeline, self._settings)
        for group, nodes in groups.items():
            states = {f"{node.kind}:{node.id}": self._states[node] for node in nodes}
            self.board.groups[group] = states

    def _add_exporter(self, node: Node) -> None:
        (signal,) = self._graph.signals_into(node)
        config = self._settings.exporters[node.id]
        context = self._context(node)
        if node.id not in self.exporters:
            self.exporters[node.id] = config.build(context)
        context = replace(context, logger=component_logger(node.kind, node.id, signal=signal))
        exporter = self.exporters[node.id]
        delivery = (
            Balanced(exporter, context, signal)
            if isinstance(exporter, Balancer)
            else Delivery(exporter, config, context, signal)
        )
        delivery.open_account(self.books)
        self.deliveries.append(delivery)
        if isinstance(delivery, Delivery):
            self._came[delivery.inlet.name]["taken up"] = delivery.taken_up
        self._set_inlet(node, delivery.inlet)

    def _add_connector(self, node: Node) -> None:
        exits = self._exits(node)
        context = replace(self._context(node), gives=frozenset(exits))
        connector = self._settings.connectors[node.id].build(context)
        takes = self._graph.signals_into(node)
        if isinstance(connector, Router):
            self._add_router(RouterStep(connector, context, takes, exits), node, exits)
            return
        step = StageStep(connector, context, takes, exits)
        self.stages.append(step)
        self._set_inlet(node, step.inlet)
        for signal, exit_ in exits.items():
            self._credit(step.name, exit_, step.outgoing[signal])

    def _add_router(self, step: RouterStep, node: Node, exits: dict[Signal, FanOut]) -> None:
        step.context.status.live(Status.OK)  # a function has nothing to start
        self._set_inlet(node, step.inlet)
        for exit_ in exits.values():
            for branch in exit_.branches:
                self._came[branch.name][f"from {step.name}"] = step.routed[branch.name]

    def _add_processor(self, node: Node) -> None:
        exits = self._exits(node)
        ((signal, exit_),) = exits.items()
        context = self._context(node)
        processor = self._settings.processors[node.id].build(context)
        step: ProcessorStep | StageStep
        if isinstance(processor, Stage):
            step = StageStep(processor, context, [signal], exits)
            self.stages.append(step)
        else:
            step = ProcessorStep(processor, context, signal, exit_)
            context.status.live(Status.OK)  # a function has nothing to start
        step.open_account(self.books)
        self._steps[node.pipeline].append(step)
        self._set_inlet(node, step.inlet)
        self._credit(step.name, exit_, step.given)

    def _add_pipeline(self, node: Node) -> None:
        ((signal, exit_),) = self._exits(node).items()
        entry = Entry(node.id, signal, exit_, self._telemetry)
        entry.open_account(self.books, self._steps[node.id])
        self._set_inlet(node, entry.inlet)
        self._credit(entry.inlet.name, exit_, entry.taken)

    def _add_receiver(self, node: Node) -> None:
        exits = self._exits(node)
        may_wait = any(exit_.may_wait for exit_ in exits.values())
        context = self._context(node, may_wait=may_wait)
        receiver = self._settings.receivers[node.id].build(context)
        edge = ReceiverEdge(receiver.transports, exits, context)
        self.receivers[node.id] = (receiver, edge)
        for signal, exit_ in exits.items():
            self._credit(place(node.kind, node.id), exit_, partial(edge.accepted, signal))

    def _exits(self, node: Node) -> dict[Signal, FanOut]:
        branches: defaultdict[Signal, list[Inlet]] = defaultdict(list)
        for end in self._graph.after[node]:
            signal = node.signal or end.signal
            if signal:
                branches[signal].append(self._inlets[end])
        name = place(node.kind, node.id, node.pipeline)
        logger = component_logger(node.kind, node.id)
        return {
            signal: FanOut(name, inlets, self._telemetry, logger)
            for signal, inlets in branches.items()
        }

    def _set_inlet(self, node: Node, inlet: Inlet) -> None:
        self._inlets[node] = inlet
        self.books.open(f"into {inlet.name}", self._came[inlet.name], {"taken": inlet.taken})

    def _credit(self, source: str, exit_: FanOut, gave: Reading) -> None:
        for branch in exit_.branches:
            self._came[branch.name][f"from {source}"] = partial(_net, gave, exit_, branch)

    def _context(self, node: Node, *, may_wait: bool = True) -> Context:
        own = node.signal if node.kind is Kind.PROCESSOR else None
        name = place(node.kind, node.id, node.pipeline)
        self._states[node] = self.board.open(name)
        return Context(
            id=node.id,
            signals=frozenset({own}) if own else self._graph.signals_of(node.kind, node.id),
            logger=component_logger(
                node.kind, node.id, **({"pipeline": node.pipeline} if node.pipeline else {})
            ),
            telemetry=self._telemetry,
            tasks=self._tasks(name),
            pipeline=node.pipeline,
            may_wait=may_wait,
            recorded=self._settings.recorded,
            tells_peers=any(it.asks_peers for it in self._settings.processors.values()),
            books=self.books,
            pace=self._pace,
            tracing=self._tracing,
            status=self._states[node],
            board=self.board,
            extensions=self.extensions,
            memory=self.memory,
            senders=self._senders(node),
            instance=self._instance,
        )

    def _senders(self, node: Node) -> Senders:
        if not node.pipeline:
            return Senders()
        sources = sources_of(node.pipeline, self._settings)
        return Senders(partial(self._warn, sources))

    def _warn(self, sources: Iterable[Source], text: str, seconds: float) -> None:
        for id_, signal in sources:
            receiver, _ = self.receivers[id_]
            receiver.warn(signal, text, seconds)


def _net(gave: Reading, exit_: FanOut, branch: Inlet) -> float:
    return read(gave) - exit_.lost(branch)
