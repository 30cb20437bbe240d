"""Stages that run alone, before a consumer of ours."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.kit import Next, context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.pipeline import ProcessorConfig
    from penstock.pipeline.telemetry.registry import Telemetry


@asynccontextmanager
async def running(
    config: ProcessorConfig, pipeline: str, after: Next, telemetry: Telemetry | None
) -> AsyncIterator[Any]:
    """A running stage, called by its type; what it holds is passed on at the end."""
    type_ = type(config).__module__.rpartition(".")[2]
    async with context(type_, telemetry, pipeline=pipeline) as given:
        stage: Any = config.build(given)
        await stage.start(after.consume)
        yield stage
        await stage.stop()
        assert stage.held == 0
