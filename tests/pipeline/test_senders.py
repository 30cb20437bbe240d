"""What a processor says reaches those who send to its pipeline, and nobody else."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from penstock.connectors.count import Config as Count
from penstock.connectors.forward import Config as Forward
from penstock.pipeline import Processor, ProcessorConfig, Signal
from penstock.pipeline.senders import INTERVAL, LASTING, Senders, sources_of
from tests.kit import Backend, Source, in_loop, points, records, service, spans, wire

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Context

TRACES, METRICS, LOGS = Signal


class Listener(Source):
    """A receiver that notes what it is to tell its senders."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Signal, str, float]] = []

    def warn(self, signal: Signal, text: str, seconds: float) -> None:
        self.told.append((signal, text, seconds))


class Warner(Processor):
    """Warns of every batch."""

    def __init__(self, context: Context) -> None:
        self._senders = context.senders

    def process(self, batch: Batch) -> Batch:
        self._senders.warn(lambda: f"{len(batch)} items\nare odd")
        return batch


class Warn(ProcessorConfig):
    """Settings of `Warner`."""

    def build(self, context: Context) -> Processor:
        return Warner(context)


def test_a_pipelines_sources_are_its_receivers() -> None:
    settings = wire(
        "metrics: a b -> out",
        "metrics/2: c -> out",
        "logs: a -> out",
        a=Source(),
        b=Source(),
        c=Source(),
        out=Backend(),
    )
    assert sources_of("metrics", settings) == {("a", METRICS), ("b", METRICS)}
    assert sources_of("logs", settings) == {("a", LOGS)}


def test_sources_are_found_through_connectors_and_signals_that_they_carry() -> None:
    settings = wire(
        "traces: a -> link count",
        "traces/2: b -> link",
        "logs: b -> link",
        "logs/2: link -> out",
        "traces/3: link -> on",
        "traces/4: c on -> out",
        "metrics: count a -> out",
        a=Source(),
        b=Source(),
        c=Source(),
        link=Forward(),
        on=Forward(),
        count=Count(),
        out=Backend(),
    )
    assert sources_of("traces/4", settings) == {("a", TRACES), ("b", TRACES), ("c", TRACES)}
    assert sources_of("logs/2", settings) == {("b", LOGS)}
    assert sources_of("metrics", settings) == {("a", TRACES), ("a", METRICS)}


def test_a_text_is_made_and_told_once_in_an_interval() -> None:
    told: list[tuple[str, float]] = []
    clock = (100 + step * INTERVAL / 4 for step in count())
    senders = Senders(lambda *said: told.append(said), clock.__next__)
    for number in range(9):
        senders.warn(partial("number {}".format, number))
    assert told == [(f"number {number}", LASTING) for number in (0, 4, 8)]


@in_loop
async def test_only_receivers_that_lead_there_are_told() -> None:
    near, far = Listener(), Listener()
    settings = wire(
        "traces: near -> link",
        "traces/2: link -> warn -> out",
        "traces/3: far -> out",
        "metrics: near far -> out",
        near=near,
        far=far,
        link=Forward(),
        warn=Warn(),
        out=Backend(),
    )
    async with service(settings):
        await far.send(spans(1))
        await near.send(points(2))
        await near.send(spans(3))
    assert near.told == [(TRACES, "3 items\\nare odd", LASTING)]
    assert far.told == []


@in_loop
async def test_receivers_without_words_for_it_say_nothing() -> None:
    source, backend = Source(), Backend()
    async with service(wire("logs: in -> warn -> out", in_=source, warn=Warn(), out=backend)):
        await source.send(records(2))
    assert backend.items == 2
