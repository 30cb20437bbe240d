"""What a sender sends goes on in its order, although it is answered before, and is refused."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pytest
from grpc import StatusCode

from penstock.pipeline import Signal
from penstock.pipeline.delivery.sending_queue import QueueConfig
from penstock.receivers.otlp import GRPC_METHODS, Config
from tests.integration.program import free_ports
from tests.kit import Backend, GivenBackend, in_loop, names, service, spans, wire
from tests.receivers.clients import GrpcSender

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Rejected

SENDERS = 8


class Slow(Backend):
    """Takes one batch after the other, each for a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def send(self, batch: Batch) -> Rejected | None:
        await asyncio.sleep(self._seconds)
        return await super().send(batch)


def send(port: int, sender: int, requests: int, padding: str) -> None:
    """Send spans named by sender and number, one after the other, each until it is taken."""
    with GrpcSender(port) as connection:
        for number in range(requests):
            request = spans(1 + number % 3, f"{sender} {number} {padding}").to_otlp()
            while connection.call(GRPC_METHODS[Signal.TRACES], request).code is not StatusCode.OK:
                time.sleep(0.01)  # the sender's patience


@pytest.mark.parametrize(
    ("queue", "seconds", "requests", "padding"),
    [
        pytest.param({"queue_size": 3}, 0.01, 60, 10, id="full"),
        pytest.param({"queue_size": 5_000, "sizer": "bytes"}, 0.005, 60, 10, id="full of bytes"),
        pytest.param({"queue_size": 40_000_000, "sizer": "bytes"}, 0.1, 10, 200_000, id="long"),
    ],
)
@in_loop
async def test_each_senders_requests_stay_in_order(
    queue: dict[str, Any], seconds: float, requests: int, padding: int
) -> None:
    backend = Slow(seconds)
    sending_queue = QueueConfig.model_validate({"num_consumers": 1, **queue})
    out = GivenBackend(component=backend, sending_queue=sending_queue)
    (port,) = free_ports(1)
    grpc_only = {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}
    async with service(wire("traces: in -> out", in_=Config.model_validate(grpc_only), out=out)):
        text = "x" * padding
        with ThreadPoolExecutor(SENDERS) as threads:
            run = asyncio.get_running_loop().run_in_executor
            jobs = [run(threads, send, port, who, requests, text) for who in range(SENDERS)]
            await asyncio.gather(*jobs)
    came = [tuple(map(int, name.split()[:2])) for name in names(backend.got)]
    assert len(set(came)) == SENDERS * requests
    by_sender = sorted(came, key=itemgetter(0))
    assert by_sender == sorted(came)
