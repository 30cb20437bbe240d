"""What a receiver has taken over is offered until it is taken, and every item is accounted for."""

from __future__ import annotations

import asyncio

from penstock.pipeline import Consume, Context, Invalid, Refused
from penstock.pipeline.delivery.custody import Custody
from tests.kit import Next, context, eventually, in_loop, names, spans


class Welcomes(list[bool]):
    """What the receiver was told about taking over more."""


def custody(consume: Consume, given: Context) -> tuple[Custody, Welcomes, list[int]]:
    welcomes, done = Welcomes(), list[int]()
    return Custody(consume, given, welcomes.append), welcomes, done


@in_loop
async def test_what_is_taken_at_once_is_done_at_once() -> None:
    stage = Next()
    async with context() as given:
        subject, welcomes, done = custody(stage.consume, given)
        subject.keep(spans(2), lambda: done.append(1))
        assert (subject.items, done) == (2, [])
        await subject.end()
    assert (names(stage.got), done, welcomes) == (["span 0", "span 1"], [1], [True])
    assert given.books.problems() == []


@in_loop
async def test_what_is_refused_is_offered_again_at_the_time_asked_for() -> None:
    stage = Next(Refused("full", retry_after=0.01), Refused("full", retry_after=0.01))
    async with context() as given:
        subject, welcomes, done = custody(stage.consume, given)
        subject.keep(spans(3), lambda: done.append(1))
        await eventually(lambda: done)
    assert len(stage.got) == 1
    assert welcomes == [False, False, True]
    assert given.books.problems() == []


@in_loop
async def test_the_end_does_not_wait_for_the_time_asked_for() -> None:
    stage = Next(Refused("full", retry_after=3600))
    async with context() as given:
        subject, welcomes, _ = custody(stage.consume, given)
        subject.keep(spans(1), lambda: None)
        await eventually(lambda: welcomes)
        async with asyncio.timeout(1):
            await subject.end()
    assert len(stage.got) == 1
    assert given.books.problems() == []


@in_loop
async def test_what_no_stage_will_ever_take_is_dropped_and_counted() -> None:
    stage = Next(Invalid("never"))
    async with context() as given:
        subject, _, done = custody(stage.consume, given)
        subject.keep(spans(4), lambda: done.append(1))
        await subject.end()
    assert (stage.got, done) == ([], [1])
    assert given.telemetry.total("penstock_receiver_dropped_items", reason="invalid") == 4
    assert given.books.problems() == []


@in_loop
async def test_what_is_left_when_the_service_ends_is_counted_as_lost() -> None:
    stage = Next(Refused("full", retry_after=3600))
    async with context() as given:
        subject, welcomes, _ = custody(stage.consume, given)
        subject.keep(spans(5), lambda: None)
        await eventually(lambda: welcomes)
    assert stage.got == []
    assert given.telemetry.total("penstock_receiver_dropped_items", reason="shutdown") == 5
    assert given.books.problems() == []
