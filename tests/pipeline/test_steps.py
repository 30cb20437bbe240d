"""The steps of a pipeline, where the tests of the service do not reach."""

from penstock.pipeline import Batch, Consume, Invalid, Refused, Stage
from tests.kit import Backend, Hold, Source, in_loop, outcome_of, service, spans, wire


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
            "processor hold in traces: incoming 3 != outgoing 0 + dropped 0 + held 0",
            "pipeline traces: received 3 != refused 0 + dropped 0 + held 0 + left 0",
        ]
        hold.batches.append(spans(3))


@in_loop
async def test_items_that_no_stage_takes_are_in_the_books_of_the_exporter() -> None:
    source, backend = Source(), Backend(ZeroDivisionError())
    async with service(wire("traces: in -> out", in_=source, out=backend)) as running:
        assert isinstance(await outcome_of(source.send(spans(2))), Invalid)
    assert running.telemetry.total("penstock_exporter_returned_items", exporter="out") == 2
