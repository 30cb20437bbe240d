"""The tasks of a component."""

import asyncio

from penstock.pipeline.tasks import ComponentTasks
from tests.kit import eventually, in_loop


@in_loop
async def test_a_crash_is_reported_and_leaves_other_tasks_alone() -> None:
    crashes: list[tuple[str, Exception]] = []

    async def fail() -> None:
        raise ZeroDivisionError

    async with asyncio.TaskGroup() as group:
        tasks = ComponentTasks("processor a", group, lambda *crash: crashes.append(crash))
        other = tasks.create_task(asyncio.Event().wait())
        tasks.create_task(fail())
        await eventually(lambda: crashes)
        assert not other.done()
        await tasks.end()
        assert other.cancelled()
    ((name, error),) = crashes
    assert name == "processor a"
    assert isinstance(error, ZeroDivisionError)


@in_loop
async def test_a_task_tells_its_result() -> None:
    async def answer() -> int:
        return 42

    async with asyncio.TaskGroup() as group:
        tasks = ComponentTasks("processor a", group, lambda *_: None)
        assert await tasks.create_task(answer()) == 42


@in_loop
async def test_what_has_not_begun_can_end() -> None:
    async with asyncio.TaskGroup() as group:
        tasks = ComponentTasks("processor a", group, lambda *_: None)
        task = tasks.create_task(asyncio.Event().wait())
        await tasks.end()
    assert task.cancelled()
