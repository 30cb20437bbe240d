"""Endpoints by the addresses of a name, which is asked for again and again."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from pydantic import Field

from penstock.config.types import Duration, Section
from penstock.exporters._resolver import Resolver
from penstock.pipeline.worker import Worker

if TYPE_CHECKING:
    from penstock.exporters._resolver import Failed, Found
    from penstock.pipeline import Context


class DNSConfig(Section):
    """A name whose addresses are the endpoints, such as that of a headless service."""

    hostname: str = Field(min_length=1)
    """The name."""
    port: int | None = Field(default=None, ge=1, le=65_535)
    """The port of each address; 4317 without it."""
    interval: Duration = Field(default=5.0, gt=0)
    """How often the name is asked for."""
    timeout: Duration = Field(default=1.0, gt=0)
    """How long an answer may take."""

    def build(self, context: Context) -> Resolver:
        """The resolver these settings describe."""
        return _DNS(self, context)


class _DNS(Resolver):
    """Asks the system, in a thread of its own: it may hang for longer than anybody waits."""

    name = "dns"

    def __init__(self, config: DNSConfig, context: Context) -> None:
        self._config = config
        self._tasks = context.tasks
        self._worker = Worker(f"{context.id} resolver")
        self._looking: asyncio.Task[None] | None = None

    async def start(self, found: Found, failed: Failed) -> None:
        self._worker.start()
        await self._look(found, failed)
        self._looking = self._tasks.create_task(self._look_again(found, failed))

    async def stop(self) -> None:
        if self._looking:
            self._looking.cancel()
            self._worker.end()

    async def _look_again(self, found: Found, failed: Failed) -> None:
        while True:
            await asyncio.sleep(self._config.interval)
            await self._look(found, failed)

    async def _look(self, found: Found, failed: Failed) -> None:
        hostname, timeout = self._config.hostname, self._config.timeout
        if self._worker.busy:
            failed(f"{hostname}: the system still looks for its addresses")
            return
        try:
            async with asyncio.timeout(timeout):
                outcome = await self._worker.call(addresses, hostname)
        except TimeoutError:
            failed(f"{hostname}: no answer in time (timeout {timeout:g}s)")
            return
        if outcome.error:
            failed(f"{hostname}: {outcome.error}")
        else:
            found(map(self._endpoint, outcome.value))

    def _endpoint(self, address: str) -> str:
        host = f"[{address}]" if ":" in address else address
        return f"{host}:{self._config.port}" if self._config.port else host


def addresses(hostname: str) -> list[str]:
    """The addresses of a name, by whatever the system goes by. Raises `OSError`."""
    found = socket.getaddrinfo(hostname, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
