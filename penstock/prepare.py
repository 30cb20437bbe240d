"""Have an exporter put into its back end what that needs before telemetry comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.pipeline import Exporter
from penstock.pipeline.feed import Feed
from penstock.pipeline.runner import Running
from penstock.replay import alone

if TYPE_CHECKING:
    from penstock.config.settings import Settings
    from penstock.pipeline.auth import ClientAuth


def prepare(settings: Settings, exporter: str) -> list[str]:
    """What that exporter has put into its back end, a line each. Nothing else of the settings runs.

    Raises `StartError`, and `Permanent` or `Retryable` where the back end refuses.
    """
    return asyncio.run(_prepare(settings, exporter))


async def _prepare(settings: Settings, exporter: str) -> list[str]:
    async with Running(_alone(settings, exporter)) as running:
        found = running.exporter(exporter)
        return await found.prepare() if isinstance(found, Exporter) else []


def _alone(settings: Settings, exporter: str) -> Settings:
    """The exporter and whose credentials it has: other extensions would listen where those of a
    running service do."""
    auth: ClientAuth | None = getattr(settings.exporters[exporter], "auth", None)
    needed = {auth.authenticator} if auth else set()
    kept = tuple(id_ for id_ in settings.service_extensions if id_ in needed)
    return replace(alone(settings, exporter, Feed()), service_extensions=kept)
