"""A service: starts what the settings describe, runs until told to stop, delivers what it has.

Start: extensions, exporters, stages from the last to the first, receivers. Stop: receivers, stages
from the first to the last, each passing on what it holds, deliveries, exporters, extensions.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Self

from penstock.pipeline.assembly import Assembly
from penstock.pipeline.errors import StartError
from penstock.pipeline.shutdown import Shutdown
from penstock.pipeline.status import Status
from penstock.pipeline.tasks import ComponentTasks
from penstock.pipeline.telemetry.setup import OwnTelemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from penstock.config.settings import Settings
    from penstock.pipeline.balancer import Balancer
    from penstock.pipeline.component import Exporter, Extension
    from penstock.pipeline.delivery.delivery import Delivery
    from penstock.pipeline.shutdown import Left, Place

_logger = logging.getLogger("penstock.service")


class Running:
    """A service while it runs: `async with Running(settings) as running`.

    Entering starts everything, or stops again what had started and raises `StartError`. Leaving
    stops and drains it.
    """

    def __init__(self, settings: Settings) -> None:
        own = OwnTelemetry(settings.telemetry)
        self.settings = settings
        self.telemetry = own.registry
        self.crashed = False
        """Whether a task of a component ended in an error."""
        self.newest = True
        """Whether nobody has asked for other settings, which could not be used."""
        self.telemetry.gauge(
            "penstock_config_last_reload_successful",
            "1 where what runs is what was asked for last, 0 where that could not be used.",
            lambda: int(self.newest),
            "1",
        )
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

    def end(self, heirs: Iterable[Place] = ()) -> None:
        """End the service: it delivers what it holds, or leaves it, in `left`, to heirs."""
        self._shutdown.left |= {place: [] for place in heirs}
        self._end.set()

    @property
    def left(self) -> Left:
        """What was left when it ended."""
        return self._shutdown.left

    @property
    def queues(self) -> dict[Place, Delivery]:
        """Those that can take up what others have left."""
        return self._parts.queues

    def interrupt(self) -> None:
        """End the service; the second time, give up at once whatever it is waiting for.

        A start under way ends the first time, since there is nothing to deliver yet.
        """
        if self._interrupted:
            self._shutdown.hurry()
        if self._starting and not self._starting.expired():
            self._starting.reschedule(0.0)
        self._interrupted = True
        self.end()

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
        self.end()


async def _start(name: str, start: Callable[[], Awaitable[None]]) -> None:
    try:
        await start()
    except Exception as error:
        cause = str(error) if isinstance(error, StartError) else repr(error)
        msg = f"{name} could not start: {cause}"
        raise StartError(msg) from error
