"""Run an exporter by itself: no queue, no retry."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from penstock.pipeline import Exporter
from penstock.pipeline.errors import PenstockError
from tests.kit import context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.pipeline import Batch, ExporterConfig, Rejected


@asynccontextmanager
async def running(config: ExporterConfig) -> AsyncIterator[Exporter]:
    """Start the exporter of these settings, and stop it."""
    async with context("otlp/test") as given:
        exporter = config.build(given)
        assert isinstance(exporter, Exporter)
        await exporter.start()
        try:
            yield exporter
        finally:
            await exporter.stop()


async def outcome(exporter: Exporter, batch: Batch) -> Rejected | PenstockError | None:
    """What one attempt returns or raises."""
    try:
        return await exporter.send(batch)
    except PenstockError as fault:
        return fault


def attempt(config: ExporterConfig, batch: Batch) -> Rejected | None:
    """One attempt of a new exporter."""

    async def main() -> Rejected | PenstockError | None:
        async with running(config) as exporter:
            return await outcome(exporter, batch)

    return told(asyncio.run(main()))


def told(outcome: Rejected | PenstockError | None) -> Rejected | None:
    """An outcome, raised if it was: a task group around the attempt would have wrapped it."""
    if isinstance(outcome, PenstockError):
        raise outcome
    return outcome
