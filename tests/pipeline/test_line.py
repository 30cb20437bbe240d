"""What a receiver answers for goes on in its order, whatever is refused meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.pipeline import Batch, Consume, Context, Refused, Signal
from penstock.pipeline.delivery.custody import Custody
from penstock.pipeline.edges import ReceiverEdge
from penstock.pipeline.fanout import FanOut, Inlet
from tests.kit import context, eventually, in_loop, names, points, spans

if TYPE_CHECKING:
    from collections.abc import Sequence


class Tank:
    """A next stage that takes items while it has room."""

    def __init__(self, signal: Signal = Signal.TRACES) -> None:
        self.room = 0
        self.got: list[Batch] = []
        self._signal = signal

    async def consume(self, batch: Batch) -> None:
        if batch.signal is self._signal and len(batch) > self.room:
            msg = "full"
            raise Refused(msg, retry_after=0.001)
        self.room -= len(batch)
        self.got.append(batch)


def way_into(tank: Tank, given: Context) -> Consume:
    """The way of a receiver's batches into a stage that takes or refuses at once."""
    inlet = Inlet("tank", tank.consume, may_wait=False, taken=lambda: 0)
    exits = {signal: FanOut("in", [inlet], given.telemetry, given.logger) for signal in Signal}
    return ReceiverEdge(["udp"], exits, given).consume


SIZES = st.integers(1, 4)
STEPS = st.lists(st.tuples(st.sampled_from(["keep", "offer", "room", "pause"]), SIZES))


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_what_is_kept_and_what_is_offered_once_go_on_in_the_order_in_which_they_came(
    steps: Sequence[tuple[str, int]],
) -> None:
    asyncio.run(_go_on_in_order(steps))


async def _go_on_in_order(steps: Sequence[tuple[str, int]]) -> None:
    tank = Tank()
    async with context(may_wait=False) as given:
        consume = way_into(tank, given)
        custody = Custody(consume, given)

        async def offer(batch: Batch) -> None:
            with suppress(Refused):
                await consume(batch)

        for number, (step, size) in enumerate(steps):
            batch = spans(size, f"{number:03}")
            if step == "keep":
                custody.keep(batch, lambda: None)
            elif step == "offer":
                given.tasks.create_task(offer(batch))
            elif step == "room":
                tank.room += size
            else:
                await asyncio.sleep(0.0005 * size)
        tank.room = 10_000
        await custody.end()
    came = names(tank.got)
    assert came == sorted(came)
    kept = {f"{number:03} 0" for number, (step, _) in enumerate(steps) if step == "keep"}
    assert kept <= set(came)
    assert given.books.problems() == []


@in_loop
async def test_a_signal_does_not_wait_for_another() -> None:
    tank = Tank(Signal.TRACES)
    async with context(may_wait=False) as given:
        custody = Custody(way_into(tank, given), given)
        custody.keep(spans(1), lambda: None)
        custody.keep(points(1), lambda: None)
        await eventually(lambda: [batch.signal for batch in tank.got] == [Signal.METRICS])
        tank.room = 1
        await custody.end()


@in_loop
async def test_what_comes_has_those_before_it_offered_again_at_once() -> None:
    tank = Tank()
    async with context(may_wait=False) as given:
        custody = Custody(_patient(way_into(tank, given)), given)
        custody.keep(spans(1, "first"), lambda: None)
        await eventually(lambda: given.telemetry.total("otelcol_receiver_refused_spans"))
        tank.room = 2
        custody.keep(spans(1, "second"), lambda: None)
        await eventually(lambda: names(tank.got) == ["first 0", "second 0"])


def _patient(consume: Consume) -> Consume:
    """The same, of whose refusals each is for an hour."""

    async def patient(batch: Batch) -> None:
        try:
            await consume(batch)
        except Refused as refusal:
            raise Refused(str(refusal), retry_after=3600) from refusal

    return patient


@in_loop
async def test_what_comes_is_told_why_those_before_it_wait() -> None:
    tank = Tank()
    async with context(may_wait=False) as given:
        consume = way_into(tank, given)
        custody = Custody(consume, given)
        custody.keep(spans(2), lambda: None)
        await eventually(lambda: given.telemetry.total("otelcol_receiver_refused_spans"))
        tank.room = 1
        with pytest.raises(Refused, match="full") as refusal:
            await consume(spans(1))
        assert refusal.value.retry_after == 0.001
        tank.room = 2
        await custody.end()


@in_loop
async def test_where_the_next_stage_may_wait_nothing_waits_for_what_came_before() -> None:
    tank = Tank()
    async with context(may_wait=True) as given:
        custody = Custody(way_into(tank, given), given)
        custody.keep(spans(2, "large"), lambda: None)
        tank.room = 1
        custody.keep(spans(1, "small"), lambda: None)
        await eventually(lambda: names(tank.got) == ["small 0"])
        tank.room = 2
        await custody.end()
