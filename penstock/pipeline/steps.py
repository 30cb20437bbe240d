"""The steps of a pipeline: a processor or a connector in its place, counted and guarded.

A step counts a batch when it is accepted, so that what is refused and comes again counts once.

A batch that hits a bug in a component is dropped, counted under `error` and logged; its sender is
told that it was taken. Asking for it again would hit the same bug again, and everything that
arrived together with it; calling it invalid would blame senders for what is Penstock's own fault.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import perf_counter
from typing import TYPE_CHECKING

from penstock.pipeline.errors import Invalid, Refused
from penstock.pipeline.fanout import Inlet
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.graph import place
from penstock.pipeline.insist import Insister
from penstock.pipeline.telemetry.registry import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.pipeline.batch import Batch, Signal
    from penstock.pipeline.books import Books
    from penstock.pipeline.component import Consume, Context, Processor, Stage
    from penstock.pipeline.fanout import FanOut
    from penstock.pipeline.telemetry.registry import Counter, Histogram


_DURATIONS = tuple(digit * 10.0**power for power in range(-5, 1) for digit in (1, 2.5, 5))
"""Upper ends of buckets in seconds: from 10 µs, which a small batch takes, to 5 s."""


def dropped(context: Context, reason: str) -> Counter:
    """The count of items that a processor or connector drops for `reason`, a fixed word."""
    return context.telemetry.counter(
        f"penstock_{_kind(context)}_dropped_items",
        "Items that were not passed on, by reason.",
        reason=reason,
        **_labels(context),
    )


def durations(context: Context, signal: Signal) -> Histogram:
    """How long a processor works on batches of a signal."""
    return context.telemetry.histogram(
        "otelcol_processor_internal_duration",
        "How long the work on a batch takes.",
        "s",
        _DURATIONS,
        Level.DETAILED,
        otel_signal=signal,
        **_labels(context),
    )


def _kind(context: Context) -> str:
    return "processor" if context.pipeline else "connector"


def _labels(context: Context) -> dict[str, str]:
    if context.pipeline:
        return {"processor": context.id, "pipeline": context.pipeline}
    return {"connector": context.id}


class Step(ABC):
    """What is counted at every step, by signal."""

    def __init__(self, context: Context, takes: Iterable[Signal], gives: Iterable[Signal]) -> None:
        self.name = place(_kind(context), context.id, context.pipeline)
        self.context = context
        self._span = f"{_kind(context)}/{context.id}"
        self.incoming = {signal: self._counter("incoming", signal) for signal in takes}
        self.outgoing = {signal: self._counter("outgoing", signal) for signal in gives}
        self._errors = dropped(context, "error")
        self._faults = FaultLog(context.logger)

    @property
    def held(self) -> int:
        """Items taken, neither passed on nor dropped."""
        return 0

    @property
    def made(self) -> int:
        """Items that it passed on beyond those that it took."""
        return 0

    def taken(self) -> int:
        """Items that became the step's to answer for."""
        return sum(counter.value for counter in self.incoming.values())

    def given(self) -> int:
        """Items that the next step took."""
        return sum(counter.value for counter in self.outgoing.values())

    def dropped(self) -> float:
        """Items that were not passed on, for whatever reason."""
        name = f"penstock_{_kind(self.context)}_dropped_items"
        return self.context.telemetry.total(name, **_labels(self.context))

    def open_account(self, books: Books) -> None:
        """Hold the step to account for every item."""
        books.open(
            self.name,
            {"incoming": self.taken, "made": lambda: self.made},
            {"outgoing": self.given, "dropped": self.dropped, "held": lambda: self.held},
        )

    @abstractmethod
    async def consume(self, batch: Batch) -> None:
        """Take a batch. Raises `Refused` or `Invalid`."""

    def _inlet(self, may_wait: bool) -> Inlet:  # noqa: FBT001
        tracing = self.context.tracing
        consume: Consume = self.consume
        if tracing:
            consume = tracing.around(consume, self._span, **_labels(self.context))
        return Inlet(self.name, consume, may_wait, self.taken)

    def _crash(self, batch: Batch, error: Exception) -> None:
        self.incoming[batch.signal].add(len(batch))
        self._errors.add(len(batch))
        self._faults.report(f"Dropped by a bug in {self.context.id}", len(batch), error)

    def _counter(self, direction: str, signal: Signal) -> Counter:
        vendor = "otelcol" if self.context.pipeline else "penstock"
        return self.context.telemetry.counter(
            f"{vendor}_{_kind(self.context)}_{direction}_items",
            f"Items {'taken' if direction == 'incoming' else 'passed on'}.",
            otel_signal=signal,
            **_labels(self.context),
        )


class ProcessorStep(Step):
    """A function of a batch, in its place."""

    def __init__(
        self, processor: Processor, context: Context, signal: Signal, exit_: FanOut
    ) -> None:
        super().__init__(context, [signal], [signal])
        self.inlet = self._inlet(exit_.may_wait or processor.remembers)
        self._process = processor.process
        self._remembers = processor.remembers
        self._next = exit_.consume
        name = "penstock_processor_dropped_items"
        self._reasons = context.telemetry.counters(name, **_labels(context))
        self._insister = Insister(dropped(context, "invalid"), self._faults)
        self._in = self.incoming[signal]
        self._out = self.outgoing[signal]
        self._filtered = dropped(context, "filtered")
        self._made = context.telemetry.counter(
            "penstock_processor_made_items",
            "Items passed on beyond those that were taken.",
            **_labels(context),
        )
        self._duration = durations(context, signal)

    @property
    def made(self) -> int:
        """Items that it passed on beyond those that it took."""
        return self._made.value

    async def consume(self, batch: Batch) -> None:
        """Process `batch` and hand on the result. Raises `Refused` or `Invalid`."""
        begin, before = perf_counter(), self._dropped_by_itself()
        try:
            result = self._process(batch)
            self._duration.record(perf_counter() - begin)
        except (Refused, Invalid):
            raise
        except Exception as error:  # noqa: BLE001  (a bug costs a batch, not the service)
            self._crash(batch, error)
            return
        itself = self._dropped_by_itself() - before
        kept = await self._hand_on(result) if result is not None else 0
        self._out.add(kept)
        self._in.add(len(batch))
        rest = len(batch) - itself - (0 if result is None else len(result))
        self._filtered.add(max(0, rest))
        self._made.add(max(0, -rest))

    async def _hand_on(self, result: Batch) -> int:
        """How many items the next step took."""
        if not self._remembers:
            await self._next(result)
            return len(result)
        return len(result) if await self._insister.offer(self._next, result) else 0

    def _dropped_by_itself(self) -> int:
        """Items that the processor has dropped for reasons that it counts itself."""
        return sum(reason.value for reason in self._reasons)


class StageStep(Step):
    """A stage or a connector in its place: what it gives goes where its signal goes."""

    def __init__(
        self,
        stage: Stage,
        context: Context,
        takes: Iterable[Signal],
        exits: Mapping[Signal, FanOut],
    ) -> None:
        super().__init__(context, takes, exits)
        self.inlet = self._inlet(stage.may_wait)
        tracing = context.tracing
        self._trail = tracing.trail(f"{self._span}/send", **_labels(context)) if tracing else None
        self._stage = stage
        self._routes = {signal: exit_.consume for signal, exit_ in exits.items()}
        self._cut_off = dropped(context, "shutdown")
        self._written_off = 0

    @property
    def held(self) -> int:
        """Items taken, neither passed on nor dropped."""
        return self._stage.held - self._written_off

    @property
    def made(self) -> int:
        """Items that it passed on beyond those that it took."""
        return self._stage.made

    async def start(self) -> None:
        """Start the stage; whatever it passes on goes the way of its signal."""
        await self._stage.start(self._pass_on)

    async def stop(self) -> None:
        """Stop the stage, which passes on what it holds."""
        await self._stage.stop()

    def write_off(self) -> None:
        """Drop, count and log what the stage still holds when its time is up."""
        left = self.held
        if left:
            self._cut_off.add(left)
            self._written_off += left
            self.context.logger.error("%s could not pass on %d items in time", self.name, left)

    async def consume(self, batch: Batch) -> None:
        """Give `batch` to the stage. Raises `Refused` or `Invalid`."""
        try:
            await self._stage.consume(batch)
        except (Refused, Invalid):
            raise
        except Exception as error:  # noqa: BLE001  (a bug costs a batch, not the service)
            self._crash(batch, error)
            return
        self.incoming[batch.signal].add(len(batch))
        if self._trail:
            self._trail.note()

    async def _pass_on(self, batch: Batch) -> None:
        route = self._routes[batch.signal]
        await (self._trail.follow(route, batch) if self._trail else route(batch))
        self.outgoing[batch.signal].add(len(batch))
