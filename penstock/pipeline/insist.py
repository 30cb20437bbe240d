"""For whoever cannot give a batch back: offer it until it is taken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock.pipeline.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline.batch import Batch
    from penstock.pipeline.component import Consume


async def insist(
    consume: Consume,
    batch: Batch,
    hurried: asyncio.Event,
    refused: Callable[[Refused], None],
) -> None:
    """Offer `batch` to `consume` again and again, at the times that it asks for.

    Tells `refused` of every refusal, and waits no longer whenever `hurried` is set. Raises
    `Invalid` for a batch that will never be taken.
    """
    while True:
        try:
            return await consume(batch)
        except Refused as refusal:
            refused(refusal)
            hurried.clear()
            await pause(hurried, refusal.retry_after)


async def pause(hurried: asyncio.Event, seconds: float) -> None:
    """Return when so many seconds have passed, or `hurried` is set."""
    try:
        async with asyncio.timeout(seconds):
            await hurried.wait()
    except TimeoutError:
        pass
