"""Where batches enter: from a receiver, and into a pipeline. Both route and count, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.errors import Refused
from penstock.pipeline.fanout import Inlet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.pipeline.batch import Batch, Signal
    from penstock.pipeline.books import Books
    from penstock.pipeline.fanout import FanOut
    from penstock.pipeline.pace import Pace
    from penstock.pipeline.steps import Step
    from penstock.pipeline.telemetry import Counter, Telemetry

_ANSWERS = {
    "accepted": "Items that senders were told are taken.",
    "refused": "Items that senders were told to send again later.",
    "failed": "Items that senders were told not to send again, or were not answered.",
}


class ReceiverEdge:
    """A receiver's way into the pipelines of each signal; counts how its senders were answered."""

    def __init__(
        self, id_: str, exits: Mapping[Signal, FanOut], telemetry: Telemetry, pace: Pace
    ) -> None:
        def count(answer: str) -> dict[Signal, Counter]:
            name, meaning = f"otelcol_receiver_{answer}_", _ANSWERS[answer]
            return {
                signal: telemetry.counter(name + signal.items, meaning, receiver=id_)
                for signal in exits
            }

        self._routes = {signal: exit_.consume for signal, exit_ in exits.items()}
        self._pace = pace
        self.accepted = count("accepted")
        self._refused = count("refused")
        self._failed = count("failed")

    async def consume(self, batch: Batch) -> None:
        """Hand on what the receiver received. Raises `Refused` or `Invalid`."""
        signal = batch.signal
        try:
            await self._pace.keep()
            await self._routes[signal](batch)
        except Refused:
            self._refused[signal].add(len(batch))
            raise
        except BaseException:
            self._failed[signal].add(len(batch))
            raise
        self.accepted[signal].add(len(batch))


class Entry:
    """Where a pipeline begins: counts what it was offered and what it did not take."""

    def __init__(self, id_: str, signal: Signal, exit_: FanOut, telemetry: Telemetry) -> None:
        labels = {"pipeline": id_, "otel_signal": signal}
        self._next = exit_.consume
        self._received = telemetry.counter(
            "penstock_pipeline_received_items", "Items offered to the pipeline.", **labels
        )
        self._refused = telemetry.counter(
            "penstock_pipeline_refused_items",
            "Items that the pipeline did not take; who offered them still has them.",
            **labels,
        )
        self.inlet = Inlet(f"pipeline {id_}", self.consume, exit_.may_wait, self.taken)

    def open_account(self, books: Books, steps: Sequence[Step]) -> None:
        """Hold the pipeline to account for every item; `steps` are its own, the last one first."""
        left = steps[0].given if steps else self.taken
        books.open(
            self.inlet.name,
            {"received": self._received},
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
