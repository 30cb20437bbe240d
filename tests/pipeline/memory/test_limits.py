"""The memory of the process against its limits."""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from penstock._kernel import hold_at_most
from penstock.pipeline import StartError
from penstock.pipeline.memory.limits import MIB, REASON, Limiter, Limits, Memory, Pauses, resident
from penstock.pipeline.status import State, Status
from tests.kit import context, eventually, in_loop

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = Limits(
    soft=80 * MIB,
    hard=100 * MIB,
    interval=3600.0,
    when_soft=Pauses(10.0, 40.0),
    when_hard=Pauses(0.0, 0.0),
)


@pytest.fixture(autouse=True)
def room() -> Iterator[None]:
    """What servers may hold is a matter of the whole process, tests that follow included."""
    yield
    hold_at_most(sys.maxsize)


class Process:
    """A process of which a test says how much it uses, in MiB, and what of it is only kept."""

    def __init__(self, used: int = 20, kept: int = 0, queued: int = 50) -> None:
        self.used = used
        self.kept = kept
        self.queued = queued
        self.now = 1000.0
        self.measured = 0
        self.given_back = 0
        self.memory = Memory(
            self._measure, lambda: self.queued * MIB, self._give_back, lambda: self.now
        )

    def limiter(self, limits: Limits = LIMITS) -> Limiter:
        return self.memory.limiter(limits, State())

    def _measure(self) -> int:
        self.measured += 1
        return self.used * MIB

    def _give_back(self) -> None:
        self.given_back += 1
        self.used -= self.kept
        self.kept = 0


@contextmanager
def collections() -> Iterator[list[int]]:
    """The whole collections of garbage meanwhile."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            found.append(1)

    gc.callbacks.append(note)
    try:
        yield found
    finally:
        gc.callbacks.remove(note)


def test_what_is_resident_is_what_the_process_occupies() -> None:
    before = resident()
    block = bytearray(b"x" * 64 * MIB)
    assert 60 * MIB < resident() - before < 70 * MIB
    del block


@pytest.mark.parametrize(("used", "refuses"), [(79, False), (80, True), (100, True)])
def test_data_is_refused_from_the_soft_limit_on(used: int, refuses: bool) -> None:
    process = Process(used)
    subject = process.limiter()
    subject.check()
    assert subject.refusing is refuses
    process.used = 79
    subject.check()
    assert not subject.refusing


@pytest.mark.parametrize(
    ("used", "queued", "refuses"), [(99, 9, False), (99, 10, True), (100, 0, True)]
)
def test_next_to_nothing_queued_counts_for_nothing_below_the_hard_limit(
    used: int, queued: int, refuses: bool
) -> None:
    subject = Process(used, queued=queued).limiter()
    subject.check()
    assert subject.refusing is refuses


def test_what_allocators_only_keep_is_given_back_before_anything_is_refused() -> None:
    process = Process(used=95, kept=40)
    subject = process.limiter()
    subject.check()
    assert (process.given_back, subject.refusing, subject.used) == (1, False, 55 * MIB)


def test_memory_is_not_given_back_again_at_once() -> None:
    process = Process(used=95)
    subject = process.limiter()
    subject.check()
    subject.check()
    assert process.given_back == 1
    process.now += 0.25
    subject.check()
    assert process.given_back == 2


def test_garbage_is_collected_at_its_intervals_which_double_while_that_is_in_vain() -> None:
    process = Process(used=95)
    subject = process.limiter(Limits(80 * MIB, 100 * MIB, 1.0, Pauses(10.0, 40.0), Pauses(0, 0)))
    collected = []
    for _ in range(120):
        with collections() as found:
            subject.check()
        collected += [process.now - 1000.0] * len(found)
        process.now += 1.0
    assert collected == [0, 20, 60, 100]


def test_garbage_is_collected_more_often_above_the_hard_limit() -> None:
    process = Process(used=100)
    subject = process.limiter()
    with collections() as found:
        for _ in range(3):
            subject.check()
            process.now += 1.0
    assert len(found) == 3


@pytest.mark.parametrize(
    ("pauses", "in_vain", "pause"),
    [
        (Pauses(10, 30), 0, 10),
        (Pauses(10, 30), 1, 20),
        (Pauses(10, 30), 2, 30),
        (Pauses(10, 30), 10_000, 30),
        (Pauses(10, 0), 3, 10),
        (Pauses(0, 30), 1, 2),
        (Pauses(0, 0), 5, 0),
    ],
)
def test_pauses_double_from_the_least_to_the_most(
    pauses: Pauses, in_vain: int, pause: float
) -> None:
    assert pauses.after(in_vain, interval=1.0) == pause


@in_loop
async def test_much_that_comes_in_is_measured_before_the_interval_is_over() -> None:
    process = Process(used=40)
    subject = process.limiter()
    async with context() as given:
        await process.memory.start(given.tasks)
        await eventually(lambda: subject.used)
        measured = process.measured
        subject.passed(10 * MIB - 1)
        await asyncio.sleep(0)
        assert process.measured == measured
        process.used = 81
        subject.passed(1)
        await eventually(lambda: subject.refusing)


@in_loop
async def test_while_data_is_refused_memory_is_measured_often() -> None:
    process = Process(used=90)
    subject = process.limiter()
    subject.check()
    async with context() as given:
        watch = given.tasks.create_task(subject.watch())
        await eventually(lambda: process.measured > 2)
        process.used = 70
        await eventually(lambda: not subject.refusing)
        watch.cancel()


def test_the_same_limits_are_watched_once() -> None:
    process = Process()
    others = Limits(1, 2, 1.0, Pauses(0, 0), Pauses(0, 0))
    assert process.limiter() is process.limiter()
    assert process.limiter() is not process.limiter(others)


def test_everyone_who_shares_a_limit_is_in_trouble_while_data_is_refused() -> None:
    process, states = Process(used=90), [State(), State()]
    for state in states:
        state.live(Status.OK)
        subject = process.memory.limiter(LIMITS, state)
    subject.check()
    assert [state.report.error for state in states] == [REASON, REASON]
    process.used = 20
    subject.check()
    assert [state.report.status for state in states] == [Status.OK, Status.OK]


@in_loop
async def test_a_limit_below_what_penstock_itself_needs_stops_the_start() -> None:
    process = Process(used=80)
    process.limiter()
    async with context() as given:
        with pytest.raises(StartError, match="80 MiB are in use before anything is received"):
            await process.memory.start(given.tasks)


@in_loop
async def test_nothing_is_refused_once_the_service_stops() -> None:
    process = Process(used=40)
    subject = process.limiter()
    async with context() as given:
        await process.memory.start(given.tasks)
        process.used = 100
        subject.passed(100 * MIB)
        await eventually(lambda: subject.refusing)
        process.memory.stop()
        assert not subject.refusing
        measured = process.measured
        subject.passed(100 * MIB)
        await asyncio.sleep(0)
        assert process.measured == measured
