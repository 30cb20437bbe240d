"""The service: starts what the settings describe, runs until told to stop, delivers what it has.

Start: extensions, exporters, stages from the last to the first, receivers. Stop: receivers, stages
from the first to the last, each passing on what it holds, deliveries, exporters, extensions.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import signal
from functools import partial
from typing import TYPE_CHECKING, Self

import uvloop

from penstock._kernel import keep_freed_memory
from penstock.pipeline.assembly import Assembly
from penstock.pipeline.errors import StartError
from penstock.pipeline.shutdown import Shutdown
from penstock.pipeline.status import Status
from penstock.pipeline.supervisor import Supervisor
from penstock.pipeline.tasks import ComponentTasks
from penstock.pipeline.telemetry.setup import OwnTelemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from penstock.config.settings import Settings
    from penstock.pipeline.balancer import Balancer
    from penstock.pipeline.component import Exporter, Extension

_logger = logging.getLogger("penstock.service")

ECHO = 0.5
"""Seconds in which the same signal comes twice from one cause: to a process group, and passed on by
the parent. It must not be taken for somebody's second thought."""


def run(settings: Settings, on_ready: Callable[[], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT, or a crash; returns the exit code, 0 or 1.

    `on_ready` is called when everything has started. A second signal ends the draining at once.
    """
    keep_freed_memory()
    return uvloop.run(_run(settings, on_ready))


async def _run(settings: Settings, on_ready: Callable[[], None] | None) -> int:
    running, supervisor = Running(settings), Supervisor()
    loop = asyncio.get_running_loop()
    heard = -math.inf

    def interrupt() -> None:
        nonlocal heard
        if loop.time() - heard >= ECHO:
            heard = loop.time()
            running.interrupt()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, interrupt)
    try:
        async with running:
            # What exists by now stays: the garbage collector need not look at it ever again.
            gc.collect()
            gc.freeze()
            if on_ready:
                on_ready()
            supervisor.ready()
            await running.ended()
            supervisor.stopping()
    except StartError as error:
        _logger.error("%s", error)  # noqa: TRY400  (its message is for operators)
        return 1
    return 1 if running.crashed else 0


class Running:
    """A service while it runs: `async with Running(settings) as running`.

    Entering starts everything, or stops again what had started and raises `StartError`. Leaving
    stops and drains it.
    """

    def __init__(self, settings: Settings) -> None:
        own = OwnTelemetry(settings.telemetry)
        self.telemetry = own.registry
        self.crashed = False
        """Whether a task of a component ended in an error."""
        self._group = asyncio.TaskGroup()
        self._owners: dict[str, ComponentTasks] = {}
        self._parts = Assembly(settings, own, self._own)
        self.books = self._parts.books
        """The accounts of every item received."""
        self.board = self._parts.board
        """How every component is."""
        self._extensions: dict[str, Extension] = own.extensions
        for id_, extension in self._parts.extensions.items():
            self._extensions[f"extension {id_}"] = extension
        self._shutdown = Shutdown(self._parts, self._extensions, self._owners)
        self._starting: asyncio.Timeout | None = None
        self._interrupted = False
        self._end = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    def exporter(self, id_: str) -> Exporter | Balancer:
        """An exporter that runs."""
        return self._parts.exporters[id_]

    async def ended(self) -> None:
        """Return when the service is interrupted or a component has crashed."""
        await self._end.wait()

    def interrupt(self) -> None:
        """End the service; the second time, give up at once whatever it is waiting for.

        A start under way ends the first time, since there is nothing to deliver yet.
        """
        if self._interrupted:
            self._shutdown.hurry()
        if self._starting and not self._starting.expired():
            self._starting.reschedule(0.0)
        self._interrupted = True
        self._end.set()

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(None) as self._starting:
                for name, start in self._starts():
                    await _start(name, start)
                    self.board.live(name, Status.OK)
        except TimeoutError:
            msg = "interrupted while starting"
            raise StartError(msg) from None
        finally:
            self._starting = None
        for extension in self._extensions.values():
            extension.ready()

    def _starts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        yield "the memory limit", partial(self._parts.memory.start, self._own("the memory limit"))
        for name, extension in self._extensions.items():
            yield name, extension.start
        for id_, exporter in self._parts.exporters.items():
            yield f"exporter {id_}", exporter.start
        for delivery in self._parts.deliveries:
            yield delivery.inlet.name, delivery.start
        for stage in self._parts.stages:
            yield stage.name, stage.start
        for id_, (receiver, edge) in self._parts.receivers.items():
            yield f"receiver {id_}", partial(receiver.start, edge.consume)

    async def _stop(self) -> None:
        await self._shutdown.run()
        await self._group.__aexit__(None, None, None)

    def _own(self, name: str) -> ComponentTasks:
        if name not in self._owners:
            self._owners[name] = ComponentTasks(name, self._group, self._note_crash)
        return self._owners[name]

    def _note_crash(self, name: str, error: Exception) -> None:
        _logger.error("%s crashed, the service stops", name, exc_info=error)
        for state in self.board.at(name):
            state.fatal(error)
        self.crashed = True
        self._end.set()


async def _start(name: str, start: Callable[[], Awaitable[None]]) -> None:
    try:
        await start()
    except Exception as error:
        cause = str(error) if isinstance(error, StartError) else repr(error)
        msg = f"{name} could not start: {cause}"
        raise StartError(msg) from error
