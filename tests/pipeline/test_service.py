"""The process: what it does at signals, and how it takes other settings."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from penstock.pipeline.delivery.retry import RetryConfig
from penstock.pipeline.delivery.sending_queue import QueueConfig
from penstock.pipeline.errors import ConfigError, Retryable, StartError
from penstock.pipeline.service import run
from tests.kit import (
    Backend,
    GivenBackend,
    Source,
    eventually,
    in_loop,
    names,
    service,
    spans,
    wire,
)
from tests.pipeline.test_runner import Crashing, Fails

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from penstock.config.settings import Settings
    from penstock.pipeline import Context, Exporter


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


def in_turn(*steps: Callable[[], None]) -> Callable[[], None]:
    """Take one step whenever everything has started."""
    left = iter(steps)

    def step() -> None:
        next(left)()

    return step


def of(source: Source) -> Settings:
    return wire("traces: in -> out", in_=source, out=Backend())


def test_it_ends_with_0_when_it_is_told_to_stop() -> None:
    source = Source()
    assert run(of(source), on_ready=interrupt) == 0
    assert source.log == ["start", "stop"]


def test_it_ends_with_1_when_a_component_cannot_start(caplog: pytest.LogCaptureFixture) -> None:
    settings = wire("traces: in -> out", in_=Source(), out=Fails(StartError("no such host")))
    assert run(settings) == 1
    assert caplog.messages == ["exporter out could not start: no such host"]


def test_it_ends_with_1_when_a_component_crashes() -> None:
    settings = wire("traces: in -> crash -> out", in_=Source(), crash=Crashing(), out=Backend())
    assert run(settings) == 1


def test_a_start_that_hangs_can_be_interrupted() -> None:
    class Hangs(Backend):
        async def start(self) -> None:
            interrupt()
            await asyncio.Event().wait()

    assert run(wire("traces: in -> out", in_=Source(), out=Hangs())) == 1


def test_other_settings_take_the_place_of_those_that_run() -> None:
    first, second, third = Source(), Source(), Source()
    others = [of(second), of(third)]
    steps = in_turn(hang_up, hang_up, interrupt)
    assert run(of(first), steps, lambda: others.pop(0)) == 0
    assert first.log == second.log == third.log == ["start", "stop"]
    assert not others


def test_settings_at_fault_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()

    def reread() -> Settings:
        interrupt()
        msg = "gateway.yaml: 1 problem\n  3:5  exporters.otlp.endpont: unknown option"
        raise ConfigError(msg)

    assert run(of(source), hang_up, reread) == 0
    assert source.log == ["start", "stop"]
    assert caplog.messages == [
        "gateway.yaml: 1 problem",
        "  3:5  exporters.otlp.endpont: unknown option",
        "The settings stay as they were.",
    ]


def test_where_others_cannot_start_those_from_before_run_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source()
    broken = wire("traces: in -> out", in_=Source(), out=Fails(StartError("no such host")))
    assert run(of(source), in_turn(hang_up, interrupt), lambda: broken) == 0
    assert source.log == ["start", "stop"] * 2
    assert caplog.messages == [
        "exporter out could not start: no such host",
        "The settings from before take its place.",
    ]


def test_however_often_others_cannot_start_those_that_did_run_again() -> None:
    source = Source()
    broken = wire("traces: in -> out", in_=Source(), out=Fails(StartError("no such host")))
    steps = in_turn(hang_up, hang_up, interrupt)
    assert run(of(source), steps, lambda: broken) == 0
    assert source.log == ["start", "stop"] * 3


def test_settings_that_cannot_be_built_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Unbuilt(GivenBackend):
        def build(self, context: Context) -> Exporter:
            interrupt()
            raise RuntimeError(context.id)

    source = Source()
    broken = wire("traces: in -> out", in_=Source(), out=Unbuilt(component=None))
    assert run(of(source), hang_up, lambda: broken) == 0
    assert source.log == ["start", "stop"]
    assert caplog.messages == ["The settings cannot be used, and stay as they were"]


def test_where_neither_can_start_it_ends_with_1() -> None:
    class Once(Backend):
        starts = 0

        async def start(self) -> None:
            self.starts += 1
            if self.starts > 1:
                msg = "in use by another"
                raise StartError(msg)

    broken = wire("traces: in -> out", in_=Source(), out=Fails(StartError("no such host")))
    settings = wire("traces: in -> out", in_=Source(), out=Once())
    assert run(settings, hang_up, lambda: broken) == 1


def test_who_is_told_to_stop_while_others_start_stops(caplog: pytest.LogCaptureFixture) -> None:
    class Hangs(Backend):
        async def start(self) -> None:
            interrupt()
            await asyncio.Event().wait()

    other = wire("traces: in -> out", in_=Source(), out=Hangs())
    source = Source()
    assert run(of(source), hang_up, lambda: other) == 1
    assert source.log == ["start", "stop"]
    assert "interrupted while starting" in caplog.text


def queued(source: Source, backend: Exporter) -> Settings:
    """With a queue, of which one batch is sent at a time, and again soon."""
    out = GivenBackend(
        component=backend,
        sending_queue=QueueConfig(num_consumers=1),
        retry_on_failure=RetryConfig.model_validate({"initial_interval": "10ms"}),
    )
    return wire("traces: in -> out", in_=source, out=out)


def in_background(*steps: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Begin one step whenever everything has started; one that fails is the end."""
    left, tasks = iter(steps), set[asyncio.Task[None]]()

    async def take(step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await step()
        except BaseException:
            interrupt()
            raise

    def begin() -> None:
        tasks.add(asyncio.get_running_loop().create_task(take(next(left))))

    return begin


@pytest.mark.parametrize("starts", [True, False], ids=["those start", "those cannot start"])
def test_what_waits_for_a_back_end_is_left_to_the_settings_that_run_next(*, starts: bool) -> None:
    source, down, other = Source(), Backend(), Source()
    down.down = Retryable("no route")
    up = Backend()
    following = queued(other, up if starts else Fails(StartError("no such host")))

    async def fill() -> None:
        for number in range(3):
            await source.send(spans(2, f"batch {number}"))
        await eventually(lambda: down.tried)
        hang_up()

    async def see() -> None:
        down.down = None
        await eventually(lambda: up.items + down.items == 6)
        interrupt()

    assert run(queued(source, down), in_background(fill, see), lambda: following) == 0
    expected = names(spans(2, f"batch {number}") for number in range(3))
    assert sorted(names((up if starts else down).got)) == sorted(expected)


def test_who_is_told_to_stop_while_something_is_left_delivers_it_before() -> None:
    source, other, answered = Source(), Source(), asyncio.Event()
    slow, up = Backend(answered), Backend()

    async def fill() -> None:
        for _ in range(2):
            await source.send(spans(2))
        await eventually(lambda: slow.tried)
        hang_up()
        await eventually(lambda: source.log == ["start", "stop"])
        interrupt()
        answered.set()

    steps = in_background(fill, nothing)
    assert run(queued(source, slow), steps, lambda: queued(other, up)) == 0
    assert (slow.items, up.items) == (2, 2)
    assert other.log == ["start", "stop"]


async def nothing() -> None:
    pass


@in_loop
async def test_both_account_for_what_one_leaves_to_the_other() -> None:
    down, up = Backend(), Backend()
    down.down = Retryable("no route")
    source = Source()
    async with service(queued(Source(), up)) as following:
        async with service(queued(source, down)) as running:
            await source.send(spans(3))
            running.end(following.queues)
        for place, left in running.left.items():
            following.queues[place].take_up(left)
        await eventually(lambda: up.items == 3)
    assert not running.crashed


def test_it_ends_with_its_terminal(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(
        """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
exporters: {nop: }
service:
  telemetry: {metrics: {level: none}, logs: {output_paths: [%s]}}
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
"""
        % (tmp_path / "log")
    )
    child, terminal = pty.fork()
    if not child:
        arguments = ["-m", "penstock", "run", "--config", str(tmp_path / "agent.yaml")]
        os.execv(sys.executable, [sys.executable, *arguments])
    log = tmp_path / "log"
    while not log.exists() or "Every pipeline runs" not in log.read_text():
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
