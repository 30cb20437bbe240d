"""Where batches enter: counted by what became of them, and by how they came."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from penstock.pipeline import Batch, Invalid, Refused, Signal
from penstock.pipeline.edges import ReceiverEdge
from penstock.pipeline.fanout import FanOut, Inlet
from penstock.pipeline.telemetry.registry import Telemetry
from tests.kit import context, in_loop, spans

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.pipeline import Context


class Next:
    """What comes behind the edge: takes batches, or raises what it is told to."""

    def __init__(self) -> None:
        self.fault: BaseException | None = None

    async def consume(self, batch: Batch) -> None:
        if self.fault:
            raise self.fault

    def edge(self, given: Context) -> ReceiverEdge:
        inlet = Inlet("next", self.consume, may_wait=True, taken=lambda: 0)
        exits = {Signal.TRACES: FanOut("in", [inlet], given.telemetry, given.logger)}
        return ReceiverEdge(("grpc", "http"), exits, given)


def arrived(items: int, **transports: tuple[int, int]) -> Batch:
    return Batch(spans(items).native, transports)


def counted(telemetry: Telemetry, name: str) -> Mapping[str, float]:
    """The sums of each transport, where they are not 0."""
    totals = {each: telemetry.total(name, transport=each) for each in ("grpc", "http")}
    return {transport: total for transport, total in totals.items() if total}


@pytest.mark.parametrize(
    ("fault", "answer", "outcome"),
    [
        (None, "accepted", "success"),
        (Refused("full"), "refused", "refused"),
        (Invalid("odd"), "failed", "failure"),
        (ZeroDivisionError(), "failed", "failure"),
        (asyncio.CancelledError(), "failed", "failure"),
    ],
)
@in_loop
async def test_a_group_is_counted_by_its_answer_and_its_transports(
    fault: BaseException | None, answer: str, outcome: str
) -> None:
    telemetry, after = Telemetry(), Next()
    after.fault = fault
    async with context("in", telemetry) as given:
        edge = after.edge(given)
        with pytest.raises(type(fault)) if fault else nullcontext():
            await edge.consume(arrived(7, grpc=(4, 1), http=(3, 2)))
    assert counted(telemetry, f"otelcol_receiver_{answer}_spans") == {"grpc": 4, "http": 3}
    assert counted(telemetry, "otelcol_receiver_requests") == {"grpc": 1, "http": 2}
    assert telemetry.total("otelcol_receiver_requests", outcome=outcome) == 3
    assert edge.accepted(Signal.TRACES) == (0 if fault else 7)


@in_loop
async def test_what_came_in_no_known_way_is_a_request_of_the_first_transport() -> None:
    telemetry, after = Telemetry(), Next()
    async with context("in", telemetry) as given:
        await after.edge(given).consume(spans(5))
    assert counted(telemetry, "otelcol_receiver_accepted_spans") == {"grpc": 5}
    assert counted(telemetry, "otelcol_receiver_requests") == {"grpc": 1}


def test_what_is_made_of_a_batch_did_not_come_from_anywhere() -> None:
    batch = arrived(4, grpc=(4, 1))
    made = [*batch.split(max_items=2), Batch.concat([batch, spans(1)])]
    assert [each.arrival for each in made] == [None, None, None]
