"""The step of a router."""

from __future__ import annotations

from penstock.pipeline import Batch, Routed, Router
from tests.kit import Backend, Source, in_loop, service, spans, wire


class Buggy(Router):
    def route(self, batch: Batch) -> Routed:
        if len(batch) == 3:
            raise ZeroDivisionError
        return Routed({"traces/2": batch})


@in_loop
async def test_a_batch_that_hits_a_bug_is_dropped_counted_and_logged() -> None:
    source, backend = Source(), Backend()
    settings = wire(
        "traces: in -> bug", "traces/2: bug -> out", in_=source, bug=Buggy(), out=backend
    )
    async with service(settings) as running:
        await source.send(spans(3))
        await source.send(spans(2))
    assert backend.items == 2
    assert running.telemetry.total("penstock_connector_dropped_items", reason="error") == 3
