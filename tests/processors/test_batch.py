"""The batch processor: fewer, larger batches, and nothing dropped."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock.pipeline import Invalid, Refused
from penstock.pipeline.telemetry.registry import Telemetry
from penstock.processors.batch import Batcher, Config
from tests.kit import (
    Backend,
    GivenBackend,
    Next,
    Source,
    context,
    eventually,
    in_loop,
    names,
    outcome_of,
    recorded,
    service,
    spans,
    wire,
)
from tests.processors.stages import running


def batcher(
    after: Next, telemetry: Telemetry | None = None, **options: Any
) -> AbstractAsyncContextManager[Batcher]:
    """A running processor; what it holds is passed on at the end."""
    config = Config.model_validate({"timeout": "1h", **options})
    return running(config, "traces", after, telemetry)


def test_options_and_defaults_are_the_collectors() -> None:
    assert Config().model_dump() == {
        "send_batch_size": 8192,
        "timeout": "0.2s",
        "send_batch_max_size": 0,
    }


@pytest.mark.parametrize(
    "options",
    [
        {"send_batch_size": 10, "send_batch_max_size": 9},
        {"send_batch_size": -1},
        {"metadata_keys": ["tenant"]},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(options)


@in_loop
async def test_items_wait_until_there_are_enough() -> None:
    after = Next()
    async with batcher(after, send_batch_size=5) as subject:
        await subject.consume(spans(2, "a"))
        await subject.consume(spans(2, "b"))
        assert subject.held == 4
        await subject.consume(spans(2, "c"))
        await eventually(lambda: after.got)
        assert subject.held == 0
    assert after.sizes == [6]
    assert names(after.got) == ["a 0", "a 1", "b 0", "b 1", "c 0", "c 1"]


@in_loop
async def test_items_wait_no_longer_than_the_timeout() -> None:
    after, telemetry = Next(), Telemetry()
    async with batcher(after, telemetry, timeout="5ms") as subject:
        sizes = recorded(telemetry, "otelcol_processor_batch_batch_send_size")
        weights = recorded(telemetry, "otelcol_processor_batch_batch_send_size_bytes")
        await subject.consume(spans(2))
        await eventually(lambda: after.got)
        await subject.consume(spans(3))
        await eventually(lambda: len(after.got) == 2)
    assert telemetry.total("otelcol_processor_batch_timeout_trigger_send") == 2
    assert telemetry.total("otelcol_processor_batch_batch_size_trigger_send") == 0
    assert sizes == [2, 3]
    assert weights == [batch.nbytes for batch in after.got]


@pytest.mark.parametrize("options", [{"timeout": "0"}, {"send_batch_size": 0}])
@in_loop
async def test_without_timeout_or_size_items_do_not_wait(options: dict[str, Any]) -> None:
    after = Next()
    async with batcher(after, **options) as subject:
        await subject.consume(spans(2))
        await eventually(lambda: after.got)


@in_loop
async def test_a_large_batch_is_split_and_the_rest_waits_for_more() -> None:
    after, telemetry = Next(), Telemetry()
    async with batcher(after, telemetry, send_batch_size=4, send_batch_max_size=5) as subject:
        await subject.consume(spans(13))
        await eventually(lambda: len(after.got) == 2)
        assert subject.held == 3
        await subject.consume(spans(1))
        await eventually(lambda: len(after.got) == 3)
    assert after.sizes == [5, 5, 4]
    assert telemetry.total("otelcol_processor_batch_batch_size_trigger_send") == 2


@in_loop
async def test_what_is_refused_is_offered_again_and_senders_are_refused_meanwhile() -> None:
    after = Next(Refused("queue is full", 0.01))
    async with batcher(after, send_batch_size=1) as subject:
        await subject.consume(spans(2, "first"))
        await eventually(lambda: after.offers)
        with pytest.raises(Refused, match="queue is full") as refusal:
            await subject.consume(spans(1))
        assert refusal.value.retry_after == 0.01
        await eventually(lambda: after.got)
        await subject.consume(spans(1, "second"))
    assert names(after.got) == ["first 0", "first 1", "second 0"]


@in_loop
async def test_twice_a_batch_waits_behind_an_offer_and_no_more() -> None:
    after = Next()
    after.open.clear()
    async with batcher(after, send_batch_size=2) as subject:
        await subject.consume(spans(2))
        await eventually(lambda: after.offers)
        await subject.consume(spans(3))
        await subject.consume(spans(3))
        with pytest.raises(Refused, match="behind"):
            await subject.consume(spans(1))
        after.open.set()
    assert after.sizes == [2, 6]


@in_loop
async def test_what_no_stage_will_take_is_dropped_and_counted() -> None:
    after, telemetry = Next(Invalid("never")), Telemetry()
    async with batcher(after, telemetry, send_batch_size=1) as subject:
        await subject.consume(spans(2))
        await eventually(lambda: after.offers and not subject.held)
    assert telemetry.total("penstock_processor_dropped_items", reason="invalid") == 2


@in_loop
async def test_a_stop_passes_on_what_is_held_even_while_it_is_refused() -> None:
    after = Next(Refused("busy", 3600.0))
    async with batcher(after, send_batch_size=1) as subject:
        await subject.consume(spans(2))
        await eventually(lambda: after.offers)
    assert after.sizes == [2]


@in_loop
async def test_after_a_stop_batches_are_refused_and_a_second_stop_is_harmless() -> None:
    async with batcher(Next()) as subject:
        await subject.stop()
        with pytest.raises(Refused):
            await subject.consume(spans(1))


@in_loop
async def test_a_stop_without_start_is_harmless() -> None:
    async with context(pipeline="traces") as given:
        await Config().build(given).stop()


@in_loop
async def test_an_exporter_without_queue_slows_senders_down_and_loses_nothing() -> None:
    source, block = Source(), asyncio.Event()
    backend = Backend(block)
    settings = wire(
        "traces: in -> batch -> out",
        in_=source,
        batch=Config(send_batch_size=2),
        out=backend,
    )
    async with service(settings):
        answers = []
        for _ in range(6):
            answers.append(await outcome_of(source.send(spans(2))))
            await asyncio.sleep(0)
        assert any(isinstance(answer, Refused) for answer in answers)
        block.set()
    assert backend.items == 2 * answers.count(None)


@given(
    st.lists(st.integers(1, 20), max_size=20),
    st.integers(0, 12),
    st.integers(0, 12),
    st.lists(st.booleans(), max_size=8),
)
def test_every_item_comes_out_once_and_in_order(
    sizes: list[int], least: int, room: int, refusals: list[bool]
) -> None:
    async def run() -> None:
        after = Next(*[Refused("busy", 0.0001) for refused in refusals if refused])
        most = least + room if room else 0
        taken = []
        async with batcher(after, send_batch_size=least, send_batch_max_size=most) as subject:
            for number, size in enumerate(sizes):
                batch = spans(size, str(number))
                if await outcome_of(subject.consume(batch)) is None:
                    taken.append(batch)
        assert names(after.got) == names(taken)
        assert not most or max(after.sizes, default=0) <= most

    asyncio.run(run())


@in_loop
async def test_batches_of_a_pipeline_reach_the_queue() -> None:
    source, backend = Source(), Backend()
    settings = wire(
        "traces: in -> batch -> out",
        in_=source,
        batch=Config(),
        out=GivenBackend(component=backend),
    )
    async with service(settings):
        for _ in range(10):
            await source.send(spans(3))
    assert [len(batch) for batch in backend.got] == [30]
