"""The end of a service: in order, within a bound, and with a report of what was lost."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from penstock.pipeline.status import Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from penstock.pipeline.assembly import Assembly
    from penstock.pipeline.batch import Batch, Signal
    from penstock.pipeline.component import Extension
    from penstock.pipeline.delivery.balanced import Balanced
    from penstock.pipeline.delivery.delivery import Delivery
    from penstock.pipeline.tasks import ComponentTasks

SHUTDOWN_TIMEOUT = 25.0
"""Seconds for delivering what is held when the service is told to stop. Kubernetes kills 30 seconds
after SIGTERM; what remains of them is for closing and for the report."""

LEAVING_TIMEOUT = 5.0
"""Seconds for attempts under way where what is held is left to other settings."""

_CLOSING = 2.0
"""Seconds that an exporter or an extension has to close in, once all is delivered or given up."""

Place = tuple[str, "Signal"]
"""An exporter and a signal: each such pair has a queue of its own."""

Left = dict[Place, "list[Batch]"]
"""Batches that are left for others to deliver."""

_logger = logging.getLogger("penstock.service")


class Shutdown:
    """Stops receivers, then stages from the first to the last, deliveries, exporters, extensions.

    Each step but the last two may use half of the time that is left, so that a component that does
    not end leaves time for those after it.
    """

    def __init__(
        self,
        parts: Assembly,
        extensions: Mapping[str, Extension],
        owners: Mapping[str, ComponentTasks],
    ) -> None:
        self._parts = parts
        self._extensions = extensions
        self._owners = owners
        self._deadline = math.inf
        self._closing = _CLOSING
        self.left: Left = {}
        """Batches of these places are left to others; after the stop, those that are."""
        self._limits: set[asyncio.Timeout] = set()

    async def run(self) -> None:
        """Stop everything; never raises, and takes little more than `SHUTDOWN_TIMEOUT`."""
        self._deadline = min(self._deadline, _now() + SHUTDOWN_TIMEOUT)
        self._parts.memory.stop()
        self._warn_extensions()
        await self._stop_receivers()
        await self._stop_stages()
        for id_ in self._parts.exporters:
            self._parts.board.live(f"exporter {id_}", Status.STOPPING)
        async with asyncio.TaskGroup() as group:
            for delivery in self._parts.deliveries:
                group.create_task(self._stop_delivery(delivery))
        for id_, exporter in self._parts.exporters.items():
            await self._within(self._closing, f"exporter {id_}", exporter.stop())
        for name, extension in reversed(list(self._extensions.items())):
            await self._within(self._closing, name, extension.stop())
        for owner in self._owners.values():
            await owner.end()
        self._report()

    def hurry(self) -> None:
        """Give every component no more time from now on."""
        self._deadline = 0.0
        self._closing = 0.0
        for limit in [limit for limit in self._limits if not limit.expired()]:
            limit.reschedule(0.0)
        for delivery in self._parts.deliveries:
            delivery.abandon()

    def _warn_extensions(self) -> None:
        for name, extension in self._extensions.items():
            try:
                extension.not_ready()
            except Exception:
                _logger.exception("%s failed to note the stop", name)

    async def _stop_receivers(self) -> None:
        patience = self._half()
        async with asyncio.TaskGroup() as group:
            for id_, (receiver, _) in self._parts.receivers.items():
                group.create_task(self._within(patience, f"receiver {id_}", receiver.stop()))

    async def _stop_stages(self) -> None:
        for stage in reversed(self._parts.stages):
            await self._within(self._half(), stage.name, stage.stop())
            await self._owners[stage.name].end()
            stage.write_off()

    async def _stop_delivery(self, delivery: Delivery | Balanced) -> None:
        deadline = self._deadline
        place = delivery.exporter, delivery.signal
        if place in self.left and (queue := self._parts.queues.get(place)):
            self.left[place] = queue.leave()
            deadline = min(deadline, _now() + LEAVING_TIMEOUT)
        await delivery.stop(deadline)

    async def _within(self, seconds: float, name: str, stop: Awaitable[None]) -> None:
        self._parts.board.live(name, Status.STOPPING)
        try:
            async with asyncio.timeout(seconds) as limit:
                self._limits.add(limit)
                try:
                    await stop
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            _logger.warning("%s did not stop in time", name)
        except Exception:
            _logger.exception("%s failed to stop", name)
        self._parts.board.live(name, Status.STOPPED)

    def _half(self) -> float:
        return max(0.0, self._deadline - _now()) / 2

    def _report(self) -> None:
        deliveries = self._parts.deliveries
        report_lost({(each.exporter, each.signal): each.undelivered for each in deliveries})


def report_lost(items: Mapping[Place, int]) -> None:
    """Say how many items nobody will deliver."""
    lost: defaultdict[str, list[str]] = defaultdict(list)
    for (exporter, signal), count in items.items():
        if count:
            lost[exporter].append(f"{count} {signal.items}")
    for exporter, counts in lost.items():
        what = ", ".join(counts)
        _logger.error("exporter %s could not deliver before the stop: %s", exporter, what)


def _now() -> float:
    return asyncio.get_running_loop().time()
