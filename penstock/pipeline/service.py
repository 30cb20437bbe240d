"""The process of a service: it hears signals, and takes other settings while it runs.

SIGTERM and SIGINT stop it. SIGHUP has it read its settings again, as the Collector does: settings
at fault change nothing; with others it delivers what it holds, stops, and starts anew in the same
process. If it cannot start with these, it goes back to those from before.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import signal
from typing import TYPE_CHECKING

import uvloop

from penstock._kernel import keep_freed_memory
from penstock.pipeline.errors import ConfigError, StartError
from penstock.pipeline.runner import Running
from penstock.pipeline.shutdown import report_lost
from penstock.pipeline.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.config.settings import Settings
    from penstock.pipeline.shutdown import Left

_logger = logging.getLogger("penstock.service")

ECHO = 0.5
"""Seconds in which the same signal comes twice from one cause: to a process group, and passed on by
the parent. It must not be taken for somebody's second thought."""

_TERMINAL = 0


def run(
    settings: Settings,
    on_ready: Callable[[], None] = lambda: None,
    reread: Callable[[], Settings] | None = None,
) -> int:
    """Run until SIGTERM or SIGINT, or a crash; returns the exit code, 0 or 1.

    `on_ready` is called whenever everything has started. A second signal ends the draining at once.
    `reread` gives the settings anew, or raises `ConfigError` or `OSError`; it is called in another
    thread. Without it SIGHUP means what it means to every process.
    """
    keep_freed_memory()
    return uvloop.run(Service(settings, on_ready, reread).run())


class Service:
    """Runs settings, and then those that have been read in their place."""

    def __init__(
        self,
        settings: Settings,
        on_ready: Callable[[], None],
        reread: Callable[[], Settings] | None,
    ) -> None:
        self._running = Running(settings)
        self._next: Running | None = None
        self._before: Settings | None = None
        self._on_ready = on_ready
        self._reread = reread
        self._supervisor = Supervisor()
        self._left: Left = {}
        self._ready = asyncio.Event()
        self._asked = asyncio.Event()
        self._heard = -math.inf
        self._stopping = False
        self._had_terminal = os.isatty(_TERMINAL)

    async def run(self) -> int:
        """Run until it is told to stop; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._interrupt)
        reloading = None
        if self._reread:
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)
            reloading = loop.create_task(self._reload(self._reread), name="reload")
        try:
            return await self._run_all()
        finally:
            if reloading:
                reloading.cancel()
            report_lost({place: sum(map(len, left)) for place, left in self._left.items()})

    async def _run_all(self) -> int:
        while True:
            try:
                await self._run_one(self._running)
            except StartError as error:
                _logger.error("%s", error)  # noqa: TRY400  (its message is for operators)
                if self._before is None or self._stopping:
                    return 1
                _logger.warning("The settings from before take its place.")
                self._next, self._before = Running(self._before), None
                self._next.newest = False
            if self._next is None or (self._stopping and not self._left):
                return int(self._running.crashed)
            self._running, self._next = self._next, None

    async def _run_one(self, running: Running) -> None:
        async with running:
            for place, left in self._left.items():
                running.queues[place].take_up(left)
            self._left = {}
            if self._stopping:  # it starts for what was left alone
                running.interrupt()
            # What exists by now stays: the garbage collector need not look at it ever again.
            gc.collect()
            gc.freeze()
            self._on_ready()
            self._supervisor.ready()
            self._ready.set()
            await running.ended()
            self._ready.clear()
            if self._next is None:
                self._supervisor.stopping()
        self._left = {place: left for place, left in running.left.items() if left}
        gc.unfreeze()

    async def _reload(self, reread: Callable[[], Settings]) -> None:
        """Whenever it is asked for, and one at a time."""
        while await self._asked.wait() and await self._ready.wait():
            self._asked.clear()
            _logger.info("Reading the settings again.")
            found = await asyncio.to_thread(_attempt, reread)
            self._next = _built(found) if found else None
            if self._next is None:
                self._running.newest = False
            else:
                self._before = self._running.settings
                self._supervisor.reloading()
                self._ready.clear()
                self._running.end(self._next.queues)

    def _interrupt(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._heard >= ECHO:
            self._heard, self._stopping = now, True
            self._running.interrupt()

    def _hang_up(self) -> None:
        """Read the settings again, unless the terminal is gone in which somebody started it."""
        if self._had_terminal and not os.isatty(_TERMINAL):
            self._interrupt()
        else:
            self._asked.set()


def _attempt(reread: Callable[[], Settings]) -> Settings | None:
    try:
        return reread()
    except (ConfigError, OSError) as error:
        report = str(error)
    for line in (*report.splitlines(), "The settings stay as they were."):
        _logger.error("%s", line)
    return None


def _built(settings: Settings) -> Running | None:
    try:
        return Running(settings)
    except Exception:  # a bug must not cost the service that runs, nor the next reload
        _logger.exception("The settings cannot be used, and stay as they were")
        return None
