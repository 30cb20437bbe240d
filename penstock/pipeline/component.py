"""The contract of a component.

A component is one file in `receivers/`, `processors/`, `exporters/`, `connectors/` or `extensions/`
(or an entry point of the group `penstock.<kind>`). Its file name is its `type` in YAML, and it has
a class `Config`. Then:

1.  **Configure.** `Config` is checked with all the settings of its section: unknown keys are
    refused, every field has a description. Nothing is opened yet; `penstock validate` stops here.
2.  **Build.** `config.build(context)` returns the component. It raises nothing that the settings
    could have told.
3.  **Start.** `await start(…)` opens what the component needs and returns when it is ready, or
    raises `StartError`. Exporters start first and receivers last, so that whoever is given a
    batch can pass it on. `Extension`s start before all and stop after all.
4.  **Run.** A batch moves by `await consume(batch)`, which returns when the next stage has accepted
    it and answers for it from then on, or raises `Refused` (the caller still has the batch) or
    `Invalid` (no use trying again). Tasks are created in `context.tasks`, which owns them.
5.  **Stop.** `await stop()` works without `start` and twice. Receivers stop first. What a component
    holds when it is told to stop, it passes on before it returns; the runner bounds the time.

A component knows only its `context`: it can be built, called and checked without the engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from penstock.config.types import HostPort, addresses
from penstock.pipeline.batch import Batch, Signal
from penstock.pipeline.books import Books
from penstock.pipeline.line import Line
from penstock.pipeline.memory.limits import Memory
from penstock.pipeline.memory.pace import Pace
from penstock.pipeline.senders import Senders
from penstock.pipeline.status import Board, State

if TYPE_CHECKING:
    import asyncio
    import logging

    from penstock.pipeline.balancer import Balancer
    from penstock.pipeline.telemetry.registry import Telemetry
    from penstock.pipeline.telemetry.tracing import Tracing

Consume = Callable[[Batch], Awaitable[None]]
"""Hand a batch on: returns when accepted, raises `Refused` or `Invalid`."""

ALL_SIGNALS = frozenset(Signal)


class Stability(StrEnum):
    """How far a component's options can be relied on, in the Collector's words."""

    DEVELOPMENT = "development"
    ALPHA = "alpha"
    BETA = "beta"
    STABLE = "stable"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class Context:
    """What the engine gives a component.

    `id` is `type/name` as in YAML. `signals` are those it is wired for; `gives`, of a connector,
    those that it may pass on. `pipeline` is set for processors, of which every pipeline has its
    own. `may_wait` says whether the `consume` that a receiver is given can take longer than putting
    a batch aside. In `books`, a component that answers for items opens an account. To `status` it
    says that it cannot do its work, and that it can again; `board` has that of every component. For
    an exporter, delivery says so. `tells_peers` asks a receiver for `Batch.peers`. To `senders`, a
    processor says what they should know of their telemetry. `extensions` are those that run, by id.
    What was `recorded` comes from a file: time is that of its events, and no extension runs.
    `instance` tells the service from others that are set up alike.
    """

    id: str
    signals: frozenset[Signal]
    logger: logging.Logger
    telemetry: Telemetry
    tasks: asyncio.TaskGroup
    gives: frozenset[Signal] = ALL_SIGNALS
    pipeline: str | None = None
    may_wait: bool = True
    tells_peers: bool = False
    recorded: bool = False
    books: Books = field(default_factory=Books)
    pace: Pace = field(default_factory=Pace)
    line: Line = field(default_factory=Line)
    tracing: Tracing | None = None
    status: State = field(default_factory=State)
    board: Board = field(default_factory=Board)
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    senders: Senders = field(default_factory=Senders)
    instance: str = ""


class ComponentConfig(BaseModel):
    """Base of every `Config`: unknown keys are refused, and field descriptions document them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signals: ClassVar[frozenset[Signal]] = ALL_SIGNALS
    """The signals that the component can carry."""
    stability: ClassVar[Stability] = Stability.ALPHA
    """What `penstock components` says of it; alpha may change its options with any release."""
    not_here: ClassVar[Mapping[str, str]] = {}
    """Options that the Collector's component has and this one refuses: what to do instead."""

    def misfit(self, signal: Signal) -> str | None:  # noqa: ARG002
        """Why these settings make no sense in a pipeline of `signal`, if so."""
        return None

    def listens(self) -> dict[tuple[str | int, ...], HostPort]:
        """Where it listens, by the path of the option that says so: every address it has."""
        return dict(addresses(self))


class Component(ABC):  # noqa: B024
    """What every component has. `stop` must work without `start`, and twice."""

    async def start(self) -> None:  # noqa: B027  (a component with nothing to open is complete)
        """Open what is needed; return when ready. Raises `StartError`."""

    async def stop(self) -> None:  # noqa: B027
        """Close what `start` opened."""


class Extension(Component):
    """Lives beside the pipelines: health, storage, authentication.

    `ready` is called when every pipeline runs, `not_ready` before the first receiver stops.
    """

    def ready(self) -> None:
        """Every pipeline runs."""

    def not_ready(self) -> None:
        """The first receiver is about to stop."""


class Receiver(ABC):
    """Where telemetry comes in."""

    transports: ClassVar[tuple[str, ...]] = ("",)
    """The ways in which it may come, as `Batch.arrival` has them."""

    @abstractmethod
    async def start(self, consume: Consume) -> None:
        """Listen, and give every batch to `consume`; its outcome is the sender's answer."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop listening; return when every open request is answered."""

    def warn(self, signal: Signal, text: str, seconds: float) -> None:  # noqa: B027
        """Say `text` for so many seconds to senders of `signal`, along with their answers; whose
        protocol has no words for that says nothing."""


class Processor(ABC):
    """A function of a batch: synchronous, no I/O, no state that outlives a batch by time."""

    remembers: ClassVar[bool] = False
    """Whether it would take a batch that comes again for another one, such as totals that it adds
    up. What it made of a batch is then offered to the next stage until that takes it."""

    @abstractmethod
    def process(self, batch: Batch) -> Batch | None:
        """The batch that goes on, or `None` when nothing does."""


class Stage(ABC):
    """What owns time or direction: a batching or windowing processor, or a connector.

    A stage answers for the batches whose `consume` returned until the next stage accepts them.
    """

    may_wait: bool = True
    """Whether `consume` can take longer than putting a batch aside."""

    @abstractmethod
    async def start(self, consume: Consume) -> None:
        """Be ready to take batches and to give them to `consume`."""

    @abstractmethod
    async def consume(self, batch: Batch) -> None:
        """Take a batch. Raises `Refused` when it cannot."""

    @abstractmethod
    async def stop(self) -> None:
        """Pass on what is held; return when the next stage has accepted it."""

    @property
    def held(self) -> int:
        """Items taken or made, and not yet passed on."""
        return 0

    @property
    def made(self) -> int:
        """Items that nobody gave it."""
        return 0


class Connector(Stage):
    """The end of some pipelines and the start of others."""


class Routed(NamedTuple):
    """What goes where: a batch for each pipeline, by its id, and how many items go nowhere."""

    parts: Mapping[str, Batch]
    dropped: int = 0


class Router(ABC):
    """A connector that is a function of a batch: it says which pipeline gets what.

    What one pipeline refuses while another takes its part is lost there, as at every fan-out.
    """

    @abstractmethod
    def route(self, batch: Batch) -> Routed:
        """The way of every item. Raises `Invalid` for a batch that has none."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The back end took a batch but for some items, and said why; they must not be sent again.
    `batch` is those items, where it said which they are."""

    items: int
    reason: str
    batch: Batch | None = None


class Exporter(Component):
    """Where telemetry goes out: one attempt at a time, and only the protocol.

    Queueing, batching, retry, time-outs and counting are `delivery.py`'s.
    """

    @property
    def trouble(self) -> str | None:
        """What somebody should look at although batches are taken; its status while there is."""
        return None

    async def prepare(self) -> list[str]:
        """Put into the back end what it needs before telemetry comes; says what, a line each.

        Called after `start`, and only where somebody asks for it. Raises as `send` does.
        """
        return []

    @abstractmethod
    async def send(self, batch: Batch) -> Rejected | None:
        """One attempt. Raises `Retryable` or `Permanent`; anything else counts as permanent."""


class ReceiverConfig(ComponentConfig, ABC):
    """Settings of a receiver."""

    @abstractmethod
    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""


class ProcessorConfig(ComponentConfig, ABC):
    """Settings of a processor."""

    first: ClassVar[bool] = False
    """Whether it does its work only before every other processor of a pipeline."""

    @property
    def asks_peers(self) -> bool:
        """Whether it has a use for the addresses that items came from."""
        return False

    @abstractmethod
    def build(self, context: Context) -> Processor | Stage:
        """The processor these settings describe."""


class ExporterConfig(ComponentConfig, ABC):
    """Settings of an exporter. Those that send over a network derive from `DeliveryConfig`."""

    def waited_for(self) -> Self:
        """The same without queue and dead letters: who gives a batch is told its end, and keeps it
        if that is not the right one."""
        return self

    @abstractmethod
    def build(self, context: Context) -> Exporter | Balancer:
        """The exporter these settings describe."""


class ConnectorConfig(ComponentConfig, ABC):
    """Settings of a connector. `converts` says what a signal becomes on the way through."""

    converts: ClassVar[dict[Signal, frozenset[Signal]]] = {
        signal: frozenset({signal}) for signal in Signal
    }

    def leads_to(self) -> Mapping[tuple[str | int, ...], str]:
        """The pipelines that its options name, by the path of the option: ids as in YAML."""
        return {}

    @abstractmethod
    def build(self, context: Context) -> Connector | Router:
        """The connector these settings describe."""


class ExtensionConfig(ComponentConfig, ABC):
    """Settings of an extension."""

    signals: ClassVar[frozenset[Signal]] = frozenset()

    @abstractmethod
    def build(self, context: Context) -> Extension:
        """The extension these settings describe."""
