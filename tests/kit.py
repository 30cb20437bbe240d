"""Real, small stand-ins for what surrounds the code under test, and batches to send through it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from penstock.config.settings import PipelineSettings, Settings, TelemetrySettings
from penstock.pipeline import (
    Batch,
    Connector,
    ConnectorConfig,
    Context,
    Exporter,
    ExporterConfig,
    Extension,
    ExtensionConfig,
    Processor,
    ProcessorConfig,
    Receiver,
    ReceiverConfig,
    Rejected,
    Router,
    Signal,
    Stage,
)
from penstock.pipeline.books import Books
from penstock.pipeline.delivery.delivery import Delivery, DeliveryConfig
from penstock.pipeline.runner import Running
from penstock.pipeline.tasks import ComponentTasks
from penstock.pipeline.telemetry.registry import Telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable

    from penstock.pipeline import Consume

EXAMPLES = Path(__file__).parents[1] / "examples" / "python"

PATIENCE = 5.0
"""Seconds after which what should have happened has not: far more than a busy machine needs."""


def spans(count: int, name: str = "span") -> Batch:
    """`count` spans named `name 0`, `name 1` and so on."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.spans.extend(
        Span(name=f"{name} {number}", trace_id=b"t" * 16, span_id=number.to_bytes(8, "big"))
        for number in range(count)
    )
    return Batch.from_otlp(Signal.TRACES, request.SerializeToString())


def points(count: int) -> Batch:
    """`count` data points of one gauge, with the values 0, 1 and so on."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="gauge")
    for number in range(count):
        metric.gauge.data_points.add(as_int=number)
    return Batch.from_otlp(Signal.METRICS, request.SerializeToString())


def records(count: int) -> Batch:
    """`count` log records with the bodies `record 0`, `record 1` and so on."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number in range(count):
        scope.log_records.add().body.string_value = f"record {number}"
    return Batch.from_otlp(Signal.LOGS, request.SerializeToString())


def names(batches: Iterable[Batch]) -> list[str]:
    """The names of all spans, in order."""
    requests = [ExportTraceServiceRequest.FromString(batch.to_otlp()) for batch in batches]
    return [
        span.name
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an asynchronous test in an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        asyncio.run(test(*args, **fixtures))

    return run


def copy_examples(folder: Path) -> None:
    """Copy the examples of own processors, and let nobody else change them: who checks out with a
    generous umask has files that are refused."""
    for file in EXAMPLES.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
            (folder / file.name).chmod(0o644)


async def eventually(condition: Callable[[], object]) -> None:
    """Return when `condition` holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  (a condition is not an event)
            await asyncio.sleep(0.001)


class Source(Receiver):
    """A receiver whose senders are the test: `await source.send(batch)`."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def start(self, consume: Consume) -> None:
        self.log.append("start")
        self.send = consume

    async def stop(self) -> None:
        self.log.append("stop")


Outcome = Rejected | Exception | asyncio.Event | None
"""What becomes of an attempt: `None` is success, an exception is raised, an event is waited for."""


class Backend(Exporter):
    """A back end that follows a script of outcomes and then takes everything."""

    def __init__(self, *script: Outcome) -> None:
        self.script = deque(script)
        self.got: list[Batch] = []
        """What was taken, without what a `Rejected` outcome refused."""
        self.tried: list[Batch] = []
        """What was attempted."""
        self.at_once = 0
        self.most_at_once = 0
        self.down: Exception | None = None
        """Raised by every attempt once the script is over, if set."""

    @property
    def items(self) -> int:
        """How many items were taken."""
        return sum(map(len, self.got))

    async def send(self, batch: Batch) -> Rejected | None:
        self.tried.append(batch)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._follow_script(batch)
        finally:
            self.at_once -= 1

    async def _follow_script(self, batch: Batch) -> Rejected | None:
        outcome = self.script.popleft() if self.script else self.down
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, asyncio.Event):
            await outcome.wait()
            outcome = None
        self.got.append(batch)
        return outcome


class Hold(Stage):
    """A stage that takes `room` items and passes them on when it stops."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.batches: list[Batch] = []
        self.room = room

    @property
    def held(self) -> int:
        return sum(map(len, self.batches))

    async def start(self, consume: Consume) -> None:
        self.pass_on = consume

    async def consume(self, batch: Batch) -> None:
        self.batches.append(batch)

    async def stop(self) -> None:
        while self.batches:
            await self.pass_on(self.batches[0])
            self.batches.pop(0)


class Next:
    """The next stage: takes batches, or answers with the faults it is given."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.got: list[Batch] = []
        self.offers = 0
        self.open = asyncio.Event()
        self.open.set()

    async def consume(self, batch: Batch) -> None:
        self.offers += 1
        await self.open.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.got.append(batch)

    @property
    def sizes(self) -> list[int]:
        """How many items each batch had that was taken."""
        return [len(batch) for batch in self.got]


class _GivenReceiver(ReceiverConfig):
    component: Any

    def build(self, context: Context) -> Receiver:
        return self.component  # type: ignore[no-any-return]


class _GivenProcessor(ProcessorConfig):
    component: Any

    def build(self, context: Context) -> Processor | Stage:
        return self.component  # type: ignore[no-any-return]


class _GivenExporter(ExporterConfig):
    component: Any

    def build(self, context: Context) -> Exporter:
        return self.component  # type: ignore[no-any-return]


class GivenBackend(DeliveryConfig):
    """Settings of an exporter with a queue and the rest, which is a given component."""

    component: Any

    def build(self, context: Context) -> Exporter:
        return self.component  # type: ignore[no-any-return]


class _GivenConnector(ConnectorConfig):
    component: Any

    def build(self, context: Context) -> Connector | Router:
        return self.component  # type: ignore[no-any-return]


class _GivenExtension(ExtensionConfig):
    component: Any

    def build(self, context: Context) -> Extension:
        return self.component  # type: ignore[no-any-return]


_GIVEN = {
    Receiver: ("receivers", _GivenReceiver),
    Connector: ("connectors", _GivenConnector),
    Router: ("connectors", _GivenConnector),
    Processor: ("processors", _GivenProcessor),
    Stage: ("processors", _GivenProcessor),
    Exporter: ("exporters", _GivenExporter),
    Extension: ("extensions", _GivenExtension),
    ReceiverConfig: ("receivers", None),
    ConnectorConfig: ("connectors", None),
    ProcessorConfig: ("processors", None),
    ExporterConfig: ("exporters", None),
    ExtensionConfig: ("extensions", None),
}


def wire(*pipelines: str, **components: object) -> Settings:
    """Settings in short: `wire("traces: in -> batch -> out", in_=Source(), …)`.

    A component is given as it is or as its settings; an exporter as it is has no queue. Python's
    keywords take a `_` at the end, and `a__b` is the id `a/b`.
    """
    sections: dict[str, dict[str, Any]] = {section: {} for section, _ in _GIVEN.values()}
    for name, component in components.items():
        base = next(base for base in _GIVEN if isinstance(component, base))
        section, config = _GIVEN[base]
        id_ = name.removesuffix("_").replace("__", "/")
        sections[section][id_] = config(component=component) if config else component
    return Settings(
        receivers=sections["receivers"],
        processors=sections["processors"],
        exporters=sections["exporters"],
        connectors=sections["connectors"],
        extensions=sections["extensions"],
        pipelines={pipeline.id: pipeline for pipeline in map(_pipeline, pipelines)},
        service_extensions=tuple(sections["extensions"]),
        telemetry=TelemetrySettings(page=None),
    )


def _pipeline(text: str) -> PipelineSettings:
    id_, _, path = text.partition(":")
    receivers, *processors, exporters = (tuple(ids.split()) for ids in path.split("->"))
    steps = tuple(id_ for ids in processors for id_ in ids)
    return PipelineSettings(id_, Signal(id_.partition("/")[0]), receivers, steps, exporters)


@asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[Running]:
    """Run a service; at its end every item must be accounted for."""
    running = Running(settings)
    async with running:
        yield running
    assert running.books.problems() == []


@asynccontextmanager
async def context(
    id_: str = "fake", telemetry: Telemetry | None = None, **fields: Any
) -> AsyncIterator[Context]:
    """What the engine would give a component, whose tasks end with this."""
    crashes: list[tuple[str, Exception]] = []
    async with asyncio.TaskGroup() as group:
        tasks = ComponentTasks(id_, group, lambda name, error: crashes.append((name, error)))
        yield Context(
            id=id_,
            signals=fields.pop("signals", frozenset(Signal)),
            logger=logging.getLogger("penstock.test"),
            telemetry=telemetry or Telemetry(),
            tasks=tasks,
            **fields,
        )
        await tasks.end()
    assert crashes == []


def context_without_tasks() -> Context:
    """A context for a processor of metrics that creates no tasks, which needs no event loop."""
    return Context(
        id="fake",
        signals=frozenset({Signal.METRICS}),
        logger=logging.getLogger("penstock.test"),
        telemetry=Telemetry(),
        tasks=cast("asyncio.TaskGroup", None),
        pipeline="metrics",
    )


@asynccontextmanager
async def delivery(
    exporter: Exporter,
    config: ExporterConfig,
    *,
    telemetry: Telemetry | None = None,
    patience: float = PATIENCE,
) -> AsyncIterator[Delivery]:
    """Run a delivery of spans, and stop it with so much patience; its books must balance then."""
    async with context("backend", telemetry) as given:
        subject = Delivery(exporter, config, given, Signal.TRACES)
        books = Books()
        subject.open_account(books)
        await subject.start()
        yield subject
        await subject.stop(asyncio.get_running_loop().time() + patience)
        assert books.problems() == []


def recorded(telemetry: Telemetry, histogram: str) -> list[float]:
    """What a histogram of `telemetry` is given from now on, by all its series."""
    values: list[float] = []
    telemetry.families[histogram].sinks.append(lambda value, _: values.append(value))
    return values


def outcome_of(work: Awaitable[None]) -> asyncio.Future[BaseException | None]:
    """Start `work`; the future tells what it raised, or `None`."""

    async def run() -> BaseException | None:
        try:
            await work
        except Exception as error:
            return error
        return None

    return asyncio.ensure_future(run())
