"""What a delivery counts."""

from __future__ import annotations

import asyncio

from penstock.pipeline.telemetry.registry import Telemetry
from tests.kit import Backend, GivenBackend, delivery, eventually, in_loop, recorded, spans

TAKEN, MADE = "otelcol_exporter_enqueue_size", "otelcol_exporter_queue_batch_send_size"


@in_loop
async def test_sizes_are_told_of_what_the_queue_takes_and_of_what_it_makes() -> None:
    backend, telemetry = Backend(), Telemetry()
    queue = {"batch": {"min_size": 5, "flush_timeout": "10s"}}
    config = GivenBackend.model_validate({"component": backend, "sending_queue": queue})
    async with delivery(backend, config, telemetry=telemetry) as subject:
        taken, made = recorded(telemetry, TAKEN), recorded(telemetry, MADE)
        taken_bytes = recorded(telemetry, f"{TAKEN}_bytes")
        made_bytes = recorded(telemetry, f"{MADE}_bytes")
        for items in (2, 3):
            await subject.consume(spans(items))
        await eventually(lambda: backend.got)
    assert (taken, made) == ([2, 3], [5])
    assert taken_bytes == [spans(2).nbytes, spans(3).nbytes]
    assert made_bytes == [backend.got[0].nbytes]


@in_loop
async def test_without_batching_the_queue_makes_nothing() -> None:
    telemetry = Telemetry()
    config = GivenBackend(component=Backend())
    async with delivery(config.component, config, telemetry=telemetry):
        assert MADE not in telemetry.families


@in_loop
async def test_what_is_being_sent_is_in_flight() -> None:
    answer = asyncio.Event()
    backend, telemetry = Backend(answer, answer), Telemetry()
    config = GivenBackend(component=backend)

    def in_flight() -> float:
        return telemetry.total("otelcol_exporter_in_flight_requests", data_type="traces")

    async with delivery(backend, config, telemetry=telemetry) as subject:
        for _ in range(2):
            await subject.consume(spans(1))
        await eventually(lambda: backend.at_once == 2)
        assert in_flight() == 2
        answer.set()
        await eventually(lambda: backend.items == 2)
    assert in_flight() == 0
