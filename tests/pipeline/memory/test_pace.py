"""The pace at which telemetry is let in."""

from __future__ import annotations

import asyncio
import time

from penstock.pipeline.memory.pace import _LONGEST, _MARK, Pace

PROMPT = _LONGEST / 2


async def _waits(pace: Pace) -> float:
    before = time.monotonic()
    await pace.keep()
    return time.monotonic() - before


def test_short_queues_hold_nothing_back() -> None:
    """A queue at its mark is as good as an empty one."""

    async def scenario() -> float:
        pace = Pace()
        pace.backlog().grow(_MARK)
        return await _waits(pace)

    assert asyncio.run(scenario()) < PROMPT


def test_what_comes_in_waits_until_the_queue_is_short_again() -> None:
    """Senders go as fast as the back end takes."""

    async def scenario() -> float:
        pace = Pace()
        backlog = pace.backlog()
        backlog.grow(_MARK + 2)
        waiting = asyncio.create_task(_waits(pace))
        await asyncio.sleep(0)
        backlog.shrink(1)
        await asyncio.sleep(0)
        assert not waiting.done()
        backlog.shrink(1)
        return await waiting

    assert asyncio.run(scenario()) < PROMPT


def test_a_queue_that_does_not_shrink_holds_back_once() -> None:
    """While a back end is down, its queue takes what comes without delay."""

    async def scenario() -> tuple[float, float]:
        pace = Pace()
        pace.backlog().grow(_MARK + 1)
        return await _waits(pace), await _waits(pace)

    first, second = asyncio.run(scenario())
    assert first >= _LONGEST * 0.9
    assert second < PROMPT


def test_a_queue_that_shrinks_again_holds_back_again() -> None:
    """The back end is up again: what waits is sent first."""

    async def scenario() -> float:
        pace = Pace()
        backlog = pace.backlog()
        backlog.grow(_MARK + 2)
        await pace.keep()
        backlog.shrink(1)
        return await _waits(pace)

    assert asyncio.run(scenario()) >= _LONGEST * 0.9


def test_a_dead_back_end_does_not_lend_its_backlog_to_a_live_one() -> None:
    """Nothing waits longer than a moment, whatever the other queues do."""

    async def scenario() -> float:
        pace = Pace()
        dead, alive = pace.backlog(), pace.backlog()
        dead.grow(_MARK + 1)
        alive.grow(1_000)
        waiting = asyncio.create_task(_waits(pace))
        while not waiting.done():
            alive.grow(1)
            alive.shrink(1)
            await asyncio.sleep(0.001)
        return await waiting

    assert asyncio.run(scenario()) < 2 * _LONGEST


def test_what_is_held_back_goes_on_in_its_order() -> None:
    """Also when it goes on since the first has waited for long enough, and more comes meanwhile."""

    async def scenario() -> list[int]:
        pace, passed = Pace(), list[int]()
        pace.backlog().grow(_MARK + 1)

        async def come(number: int) -> None:
            await pace.keep()
            passed.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(come(number))
                await asyncio.sleep(0.003)
        return passed

    assert asyncio.run(scenario()) == list(range(60))


def test_a_queue_that_is_gone_is_forgotten() -> None:
    pace = Pace()
    backlog = pace.backlog()
    pace.forget(backlog)
    backlog.grow(_MARK + 1)
    assert pace.bytes == 0
