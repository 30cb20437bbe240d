"""Where batches enter: from a receiver, and into a pipeline. Both route and count, no more."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from penstock.pipeline.batch import Signal
from penstock.pipeline.errors import Refused
from penstock.pipeline.fanout import Inlet
from penstock.pipeline.telemetry.registry import Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.pipeline.batch import Batch
    from penstock.pipeline.books import Books
    from penstock.pipeline.component import Consume, Context
    from penstock.pipeline.fanout import FanOut
    from penstock.pipeline.steps import Step
    from penstock.pipeline.telemetry.registry import Counter, Telemetry
    from penstock.pipeline.telemetry.tracing import Tracing


class Answer(StrEnum):
    """What became of what a receiver received; the value is the request's outcome."""

    ACCEPTED = "success"
    REFUSED = "refused"
    FAILED = "failure"


_MEANING = {
    Answer.ACCEPTED: "Items that the pipelines took.",
    Answer.REFUSED: "Items that the pipelines did not take now: senders are to send them again.",
    Answer.FAILED: "Items that the pipelines will never take, or whose receiving was broken off.",
}

_OPERATION = {
    Signal.TRACES: "TraceDataReceived",
    Signal.METRICS: "MetricsReceived",
    Signal.LOGS: "LogsReceived",
}
"""What the Collector calls the receiving of each signal, in the names of its spans."""


class ReceiverEdge:
    """A receiver's way into the pipelines of each signal; counts what became of what came.

    `consume` raises `Refused` or `Invalid`.
    """

    def __init__(
        self, transports: Sequence[str], exits: Mapping[Signal, FanOut], context: Context
    ) -> None:
        telemetry = context.telemetry
        self.consume: Consume = self._consume
        if context.tracing:
            name = f"receiver/{context.id}"
            self.consume = partial(self._consume_traced, context.tracing, name)
        self._routes = {signal: exit_.consume for signal, exit_ in exits.items()}
        self._pace = context.pace
        self._line = context.line
        self._alone = transports[0]
        self._items: dict[tuple[Answer, Signal, str], Counter] = {}
        self._requests: dict[tuple[Answer, str], Counter] = {}
        for answer, transport in product(Answer, transports):
            labels = {"receiver": context.id, "transport": transport}
            for signal in exits:
                self._items[answer, signal, transport] = telemetry.counter(
                    f"otelcol_receiver_{answer.name.lower()}_{signal.items}",
                    _MEANING[answer],
                    signal.unit,
                    **labels,
                )
            self._requests[answer, transport] = telemetry.counter(
                "otelcol_receiver_requests",
                "Requests that reached the pipelines, by outcome.",
                "{request}",
                outcome=answer,
                **labels,
            )

    def accepted(self, signal: Signal) -> int:
        """Items of `signal` that the pipelines took."""
        wanted = (Answer.ACCEPTED, signal)
        return sum(count.value for key, count in self._items.items() if key[:2] == wanted)

    async def _consume(self, batch: Batch) -> None:
        answer = Answer.FAILED
        try:
            if not self._line.is_first(batch):
                await self._pace.keep()
                self._line.check(batch)
            await self._routes[batch.signal](batch)
            answer = Answer.ACCEPTED
        except Refused as refusal:
            answer = Answer.REFUSED
            self._line.note(batch, refusal)
            raise
        finally:
            self._count(answer, batch)

    def _count(self, answer: Answer, batch: Batch) -> None:
        arrival = batch.arrival or {self._alone: (len(batch), 1)}
        for transport, (items, requests) in arrival.items():
            self._items[answer, batch.signal, transport].add(items)
            self._requests[answer, transport].add(requests)

    async def _consume_traced(self, tracing: Tracing, name: str, batch: Batch) -> None:
        transport = "+".join(batch.arrival or (self._alone,))
        operation = f"{name}/{_OPERATION[batch.signal]}"
        with tracing.span(operation, len(batch), transport=transport):
            await self._consume(batch)


class Entry:
    """Where a pipeline begins: counts what it was offered and what it did not take."""

    def __init__(self, id_: str, signal: Signal, exit_: FanOut, telemetry: Telemetry) -> None:
        labels = {"pipeline": id_, "otel_signal": signal}
        self._next = exit_.consume
        self._received = telemetry.counter(
            "penstock_pipeline_received_items",
            "Items offered to the pipeline.",
            "{item}",
            Level.NORMAL,
            **labels,
        )
        self._refused = telemetry.counter(
            "penstock_pipeline_refused_items",
            "Items that the pipeline did not take; who offered them still has them.",
            "{item}",
            Level.NORMAL,
            **labels,
        )
        self.inlet = Inlet(f"pipeline {id_}", self.consume, exit_.may_wait, self.taken)

    def open_account(self, books: Books, steps: Sequence[Step]) -> None:
        """Hold the pipeline to account for every item; `steps` are its own, the last one first."""
        left = steps[0].given if steps else self.taken
        books.open(
            self.inlet.name,
            {"received": self._received, "made": lambda: sum(step.made for step in steps)},
            {
                "refused": self._refused,
                "dropped": lambda: sum(step.dropped() for step in steps),
                "held": lambda: sum(step.held for step in steps),
                "left": left,
            },
        )

    def taken(self) -> int:
        """Items that the pipeline answers for."""
        return self._received.value - self._refused.value

    async def consume(self, batch: Batch) -> None:
        """Offer `batch` to the pipeline. Raises `Refused` or `Invalid`."""
        items = len(batch)
        self._received.add(items)
        try:
            await self._next(batch)
        except BaseException:
            self._refused.add(items)
            raise
