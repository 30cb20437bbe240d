"""Requests of the bulk API, as the kernel writes them: some of a batch at a time."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from penstock._kernel import bulk_bodies
from penstock.exporters._compression import LARGE
from penstock.exporters._elastic_bulk import REJECTED, Body
from penstock.pipeline import Signal

if TYPE_CHECKING:
    from penstock.exporters._elastic_bulk import Outcome
    from penstock.exporters._elastic_routes import Routes
    from penstock.exporters.elasticsearch import Config
    from penstock.pipeline import Batch

MAX_DOCUMENTS = 5_000
"""Documents of one request: an answer that says of each what is wrong with it is not too long."""

MAX_BYTES = 5_000_000
"""Bytes of one request, before it is compressed, unless one document is larger."""

MAX_TOTAL = 64_000_000
"""Bytes of requests that are made at a time. Every document repeats its resource, so what a batch
comes to is not bounded by its own bytes."""

_LEVEL = 1
_NO_DOCUMENT = {
    Signal.LOGS: "the mapping mode bodymap wants a body that is a map",
    Signal.TRACES: "the mapping mode bodymap has no documents of spans",
    Signal.METRICS: "the mapping modes otel and ecs alone have documents of data points, and those"
    " need a value",
}
"""Why an item has none."""


class Documents:
    """What a batch becomes."""

    def __init__(self, config: Config, batch: Batch, ways: Routes, *, templates: bool) -> None:
        """`templates` says whether actions name those of metrics."""
        ids = f"{batch.signal}_dynamic_id"
        self._batch = batch
        self._ways = ways
        self._place: tuple[int, int] | None = (0, 0)
        self._write = partial(
            bulk_bodies,
            ids=hasattr(config, ids) and getattr(config, ids).enabled,
            pipelines=batch.signal is Signal.LOGS and config.logs_dynamic_pipeline.enabled,
            templates=templates,
            max_bytes=MAX_BYTES,
            max_documents=MAX_DOCUMENTS,
            max_total=MAX_TOTAL,
            level=None if config.compression == "none" else _LEVEL,
        )

    @property
    def done(self) -> bool:
        """Whether all requests have been made."""
        return self._place is None

    async def part(self, outcome: Outcome) -> list[Body]:
        """The next requests; an outcome is told which items have no document."""
        if self._batch.nbytes >= LARGE:
            return await asyncio.to_thread(self._part, outcome)
        return self._part(outcome)

    def _part(self, outcome: Outcome) -> list[Body]:
        assert self._place is not None, "there is more"
        ways, batch = self._ways, self._batch
        ready, unwritten, self._place = self._write(
            batch.native, ways.routes, ways.items.data, ways.events.data, self._place
        )
        none = np.frombuffer(unwritten, dtype=np.uint32)
        if len(none):
            reason = f"{_NO_DOCUMENT[batch.signal]}; or the mode that its scope asks for is none"
            outcome.put(none, REJECTED, f"{reason} of mapping.allowed_modes")
        return [
            Body(data, documents, *(np.frombuffer(codes, dtype=np.uint32) for codes in pairs))
            for data, documents, *pairs in ready
        ]
