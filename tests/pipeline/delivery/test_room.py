"""Room for bytes: bounded, first come first served, and open to what is larger than all of it."""

from __future__ import annotations

import asyncio

import pytest

from penstock.pipeline.delivery.room import Room
from tests.kit import PATIENCE, eventually, in_loop

FOREVER = 3600.0


async def work(room: Room, size: int, under_way: list[int], end: asyncio.Event) -> None:
    async with room.for_(size):
        under_way.append(size)
        await end.wait()
        under_way.remove(size)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@in_loop
async def test_what_does_not_fit_waits_and_keeps_its_turn() -> None:
    room, under_way = Room(10, FOREVER), list[int]()
    ends = [asyncio.Event() for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        for size, end in zip([6, 4, 5, 1], ends, strict=True):
            group.create_task(work(room, size, under_way, end))
        await settle()
        assert under_way == [6, 4]
        ends[0].set()
        await settle()
        assert under_way == [4, 5, 1]
        for end in ends:
            end.set()


@in_loop
async def test_what_is_larger_than_the_room_goes_alone() -> None:
    room, under_way = Room(10, FOREVER), list[int]()
    ends = [asyncio.Event() for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for size, end in zip([1, 99], ends, strict=True):
            group.create_task(work(room, size, under_way, end))
        await settle()
        assert under_way == [1]
        ends[0].set()
        await settle()
        assert under_way == [99]
        ends[1].set()


async def fail(room: Room) -> None:
    async with room.for_(10):
        raise ZeroDivisionError


@in_loop
async def test_room_is_given_back_by_who_fails() -> None:
    room = Room(10, FOREVER)
    with pytest.raises(ZeroDivisionError):
        await fail(room)
    async with asyncio.timeout(1), room.for_(10):
        pass


@in_loop
async def test_who_gives_up_waiting_leaves_the_turn_to_the_next() -> None:
    room = Room(10, FOREVER)
    async with room.for_(10):
        waiting = asyncio.create_task(work(room, 10, [], asyncio.Event()))
        await settle()
        waiting.cancel()
        await settle()
    async with asyncio.timeout(1), room.for_(10):
        pass


@in_loop
async def test_who_takes_long_makes_room_for_others() -> None:
    """A back end far away is sent to at full speed, however long its answers take."""
    room, under_way, end = Room(10, 0.01), list[int](), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for size in (10, 9):
            group.create_task(work(room, size, under_way, end))
        await eventually(lambda: under_way == [10, 9])
        end.set()
    async with asyncio.timeout(PATIENCE), room.for_(10):
        pass
