"""Tell of the host: CPUs, memory, disks, file systems, network, processes; and of the container."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from penstock.config.types import Duration
from penstock.pipeline import Receiver, ReceiverConfig, Signal
from penstock.pipeline.delivery.custody import Custody
from penstock.receivers._host import Host
from penstock.receivers._host_loop import Loop
from penstock.receivers._host_options import Scrapers

if TYPE_CHECKING:
    from penstock.pipeline import Consume, Context


def _absolute(path: str) -> str:
    if path and not path.startswith("/"):
        msg = f"expected a path from the root such as /hostfs, found {path!r}"
        raise ValueError(msg)
    return path


class Config(ReceiverConfig):
    """Options of the `hostmetrics` receiver."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    collection_interval: Duration = Field(default=60.0, gt=0)
    """How often the host is scraped."""
    initial_delay: Duration = 1.0
    """When the first scrape is, after the start."""
    root_path: Annotated[str, AfterValidator(_absolute)] = ""
    """Where the host's root directory is mounted, if Penstock runs in a container."""
    scrapers: Scrapers
    """What is scraped."""

    not_here: ClassVar[Mapping[str, str]] = {
        "timeout": "a scraper that hangs holds up no other, and is told of; remove it",
        "metadata_collection_interval": "the host's attributes come from resourcedetection; "
        "remove it",
    }

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return HostMetrics(self, context)


class HostMetrics(Receiver):
    """Every scraper has a thread, and a scrape is a batch. What was scraped is kept until
    the next stage takes it; a scraper of which something is kept does not scrape."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._host = Host(Path(config.root_path or "/"))
        self._loops: list[Loop] = []
        self._custody: Custody | None = None

    async def start(self, consume: Consume) -> None:
        """Begin to scrape. Raises `StartError`."""
        self._host.claim(self._context.id)
        self._custody = custody = Custody(consume, self._context)
        for name, options in self._config.scrapers.running.items():
            loop = Loop(name, options.build(self._host), self._context, custody.keep)
            self._loops.append(loop)
            loop.start(self._config.initial_delay, self._config.collection_interval)

    async def stop(self) -> None:
        """Scrape no more; returns when all that was scraped has been taken."""
        while self._loops:
            await self._loops.pop().stop()
        self._host.release()
        custody, self._custody = self._custody, None
        if custody:
            await custody.end()
