"""Have an exporter put into its back end what that needs before telemetry comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock.pipeline import Exporter
from penstock.pipeline.feed import Feed
from penstock.pipeline.runner import Running
from penstock.replay import alone

if TYPE_CHECKING:
    from penstock.config.settings import Settings


def prepare(settings: Settings, exporter: str) -> list[str]:
    """What that exporter has put into its back end, a line each. Nothing else of the settings runs.

    Raises `StartError`, and `Permanent` or `Retryable` where the back end refuses.
    """
    return asyncio.run(_prepare(settings, exporter))


async def _prepare(settings: Settings, exporter: str) -> list[str]:
    async with Running(alone(settings, exporter, Feed())) as running:
        found = running.exporter(exporter)
        return await found.prepare() if isinstance(found, Exporter) else []
