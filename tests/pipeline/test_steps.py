"""The steps of a pipeline, where the tests of the service do not reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from penstock.pipeline import (
    Batch,
    Consume,
    Context,
    Invalid,
    Processor,
    ProcessorConfig,
    Refused,
    Stage,
)
from penstock.pipeline.steps import dropped
from tests.kit import Backend, Hold, Source, in_loop, outcome_of, service, spans, wire

if TYPE_CHECKING:
    from collections.abc import Callable


class Faulty(Stage):
    """A stage that meets every batch with the same exception."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    async def start(self, consume: Consume) -> None:
        pass

    async def consume(self, batch: Batch) -> None:
        raise self.fault

    async def stop(self) -> None:
        pass


@in_loop
async def test_a_bug_in_a_stage_drops_the_batch_and_counts_it() -> None:
    source = Source()
    settings = wire(
        "traces: in -> bug -> out", in_=source, bug=Faulty(ZeroDivisionError()), out=Backend()
    )
    async with service(settings) as running:
        await source.send(spans(3))
    assert running.telemetry.total("penstock_processor_dropped_items", reason="error") == 3


@in_loop
async def test_what_a_stage_does_not_take_counts_as_refused_by_its_pipeline() -> None:
    source = Source()
    settings = wire(
        "traces: in -> full -> out", in_=source, full=Faulty(Refused("full")), out=Backend()
    )
    async with service(settings) as running:
        assert isinstance(await outcome_of(source.send(spans(3))), Refused)
    assert running.telemetry.total("penstock_pipeline_refused_items", pipeline="traces") == 3
    assert running.telemetry.total("otelcol_processor_incoming_items") == 0


@in_loop
async def test_what_a_stage_holds_is_in_the_books() -> None:
    source, hold = Source(), Hold()
    async with service(
        wire("traces: in -> hold -> out", in_=source, hold=hold, out=Backend())
    ) as it:
        await source.send(spans(3))
        assert it.books.problems() == []
        hold.batches.clear()
        assert it.books.problems() == [
            "processor hold in traces: incoming 3 + made 0 != outgoing 0 + dropped 0 + held 0",
            "pipeline traces: received 3 + made 0 != refused 0 + dropped 0 + held 0 + left 0",
        ]
        hold.batches.append(spans(3))


@in_loop
async def test_items_that_no_stage_takes_are_in_the_books_of_the_exporter() -> None:
    source, backend = Source(), Backend(ZeroDivisionError())
    async with service(wire("traces: in -> out", in_=source, out=backend)) as running:
        assert isinstance(await outcome_of(source.send(spans(2))), Invalid)
    assert running.telemetry.total("penstock_exporter_returned_items", exporter="out") == 2


class Working(ProcessorConfig):
    """A processor that makes what a function says, counts an item as late, and may remember."""

    work: Any
    remembers: bool = False

    def build(self, context: Context) -> Processor:
        late, work = dropped(context, "late"), self.work

        class Worker(Processor):
            remembers = self.remembers

            def process(self, batch: Batch) -> Batch | None:
                late.add(1)
                result: Batch | None = work(batch)
                return result

        return Worker()


@pytest.mark.parametrize(
    ("work", "filtered", "made"),
    [
        (lambda batch: batch.split(max_items=4)[0], 0, 0),
        (lambda batch: batch.split(max_items=2)[0], 2, 0),
        (lambda batch: Batch.concat([batch, batch]), 0, 6),
        (lambda _: None, 4, 0),
    ],
)
@in_loop
async def test_what_a_processor_makes_and_what_it_counts_itself_is_in_the_books(
    work: Callable[[Batch], Batch | None], filtered: int, made: int
) -> None:
    source = Source()
    settings = wire("traces: in -> work -> out", in_=source, work=Working(work=work), out=Backend())
    async with service(settings) as running:
        await source.send(spans(5))
        assert running.books.problems() == []
    total = running.telemetry.total
    assert total("penstock_processor_dropped_items", reason="filtered") == filtered
    assert total("penstock_processor_dropped_items", reason="late") == 1
    assert total("penstock_processor_made_items") == made


@in_loop
async def test_a_processor_that_remembers_is_not_given_a_batch_twice() -> None:
    seen: list[Batch] = []

    def work(batch: Batch) -> Batch:
        seen.append(batch)
        return batch.split(max_items=2)[0]

    for faults, sent in (([Refused("full", 0.001)] * 2, 2), ([Invalid("never")], 0)):
        source, after = Source(), Refusing(list(faults))
        settings = wire(
            "traces: in -> work -> after -> out",
            in_=source,
            work=Working(work=work, remembers=True),
            after=after,
            out=Backend(),
        )
        seen.clear()
        async with service(settings) as running:
            await source.send(spans(3))
            assert running.books.problems() == []
        assert (len(seen), after.passed) == (1, sent)
        invalid = running.telemetry.total("penstock_processor_dropped_items", reason="invalid")
        assert invalid == 2 - sent


class Refusing(Stage):
    """A stage that meets batches with these faults, and then passes them on."""

    def __init__(self, faults: list[Exception]) -> None:
        self.faults = faults
        self.passed = 0

    async def start(self, consume: Consume) -> None:
        self.pass_on = consume

    async def consume(self, batch: Batch) -> None:
        if self.faults:
            raise self.faults.pop(0)
        await self.pass_on(batch)
        self.passed += len(batch)

    async def stop(self) -> None:
        pass
