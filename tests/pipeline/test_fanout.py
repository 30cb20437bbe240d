"""One batch to several takers."""

import asyncio
import logging

import pytest

from penstock.pipeline import Batch, Invalid, Refused
from penstock.pipeline.fanout import FanOut, Inlet
from penstock.pipeline.telemetry.registry import Counter, Telemetry
from tests.kit import eventually, in_loop, outcome_of, spans


class Branch:
    """Takes batches, or answers with a fault; waits for `gate` first where there is one."""

    def __init__(
        self, name: str, fault: Exception | None = None, gate: asyncio.Event | None = None
    ) -> None:
        self.got: list[Batch] = []
        self.fault = fault
        self.gate = gate
        self.inlet = Inlet(name, self.consume, gate is not None, Counter())

    async def consume(self, batch: Batch) -> None:
        if self.gate:
            await self.gate.wait()
        if self.fault:
            raise self.fault
        self.got.append(batch)


def fan_out(*branches: Branch) -> FanOut:
    inlets = [branch.inlet for branch in branches]
    return FanOut("here", inlets, Telemetry(), logging.getLogger("penstock.test"))


def test_a_single_branch_is_called_directly() -> None:
    branch = Branch("a")
    assert fan_out(branch).consume == branch.consume


@in_loop
async def test_every_branch_gets_the_same_batch() -> None:
    one, two = Branch("a"), Branch("b")
    batch = spans(1)
    await fan_out(one, two).consume(batch)
    assert one.got == two.got == [batch]


@in_loop
async def test_what_one_branch_refuses_is_lost_there_when_another_took_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    healthy, full = Branch("healthy"), Branch("full", Refused("queue is full"))
    subject = fan_out(full, healthy)
    for _ in range(3):
        await subject.consume(spans(2))
    assert len(healthy.got) == 3
    assert subject.lost(full.inlet) == 6
    assert subject.lost(healthy.inlet) == 0
    assert [record.getMessage() for record in caplog.records] == [
        "Lost for full, which refused (2 items, 1 times): queue is full"
    ]


@in_loop
async def test_what_every_branch_refuses_is_refused_with_the_longest_wait() -> None:
    subject = fan_out(
        Branch("a", Refused("busy", 2.0)),
        Branch("b", Refused("busier", 9.0)),
        Branch("c", Invalid("never")),
    )
    with pytest.raises(Refused) as refusal:
        await subject.consume(spans(1))
    assert refusal.value.retry_after == 9.0


@in_loop
async def test_what_no_branch_will_ever_take_is_invalid() -> None:
    subject = fan_out(Branch("a", Invalid("never")), Branch("b", Invalid("never")))
    with pytest.raises(Invalid):
        await subject.consume(spans(1))


@in_loop
async def test_a_branch_that_waits_delays_no_other() -> None:
    gate = asyncio.Event()
    stuck, slow, prompt = (
        Branch("stuck", gate=gate),
        Branch("slow", gate=asyncio.Event()),
        Branch("c"),
    )
    assert slow.gate
    slow.gate.set()
    subject = fan_out(stuck, slow, prompt)
    offer = outcome_of(subject.consume(spans(1)))
    await eventually(lambda: prompt.got and slow.got)
    assert subject.may_wait
    assert not offer.done()
    gate.set()
    assert await offer is None
    assert stuck.got
