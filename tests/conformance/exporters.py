"""The contract of an exporter, as one function that any exporter is run through.

Four senders send items that can be told apart, through a service with the exporter in it, to a back
end that answers by a script or over a faulty link. In the end:

- nothing is lost: what was not rejected has arrived;
- nothing comes twice, but where an answer may have been lost on its way;
- nothing comes again after it was rejected;
- what is under way when the service has to end at once is counted, and not sent later;
- the counters say exactly that, and the books balance.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.pipeline import Refused, Signal
from tests.conformance.contract import (
    MIXED,
    SENDERS,
    Script,
    Verdict,
    batches_of,
    doubled,
    marks_of,
)
from tests.conformance.extremes import canonical, extreme_batches
from tests.conformance.link import Fault, linked
from tests.kit import Source, eventually, service, wire

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.pipeline import Batch
    from penstock.pipeline.runner import Running
    from tests.conformance.back_ends import BackEnd


@dataclass(frozen=True)
class Scenario:
    """What an exporter has to cope with."""

    name: str
    odds: dict[Verdict, float] = field(default_factory=lambda: {Verdict.TAKE: 1.0})
    fault: Fault | None = None
    cancels: bool = False
    """Whether the service is told to end at once while everything is under way."""
    timeout: str = "30s"
    """Of an attempt: long enough for a busy machine, but where it is what is tested."""

    @property
    def may_double(self) -> bool:
        """Whether the exporter may not hear that something was taken, and has to send it again."""
        return self.fault in {Fault.CUT, Fault.RESET, Fault.HALF_OPEN} or self.timeout != "30s"

    def suits(self, back_end: BackEnd) -> bool:
        """Whether the back end can and is to play its part."""
        can = self.odds.keys() <= back_end.verdicts and (back_end.remote or self.fault is None)
        return can and (self.name == MIXED or not back_end.brief)


TAKE, RETRY, THROTTLE = Verdict.TAKE, Verdict.RETRY, Verdict.THROTTLE
REJECT, PARTIAL, SILENCE = Verdict.REJECT, Verdict.PARTIAL, Verdict.SILENCE

SCENARIOS = [
    Scenario("always succeeds"),
    Scenario("random retryable", {TAKE: 1, RETRY: 1, THROTTLE: 1}),
    Scenario("random permanent", {TAKE: 1, REJECT: 1}),
    Scenario("partial success", {TAKE: 1, PARTIAL: 1}),
    Scenario(MIXED, {TAKE: 3, RETRY: 2, THROTTLE: 1, REJECT: 1, PARTIAL: 1}),
    Scenario("deadline", {TAKE: 20, SILENCE: 1}, timeout="250ms"),
    Scenario("cancel", {SILENCE: 1}, cancels=True),
    Scenario("disconnect", fault=Fault.CUT),
    Scenario("reset", fault=Fault.RESET),
    Scenario("half-open", fault=Fault.HALF_OPEN, timeout="250ms"),
    Scenario("slices", {TAKE: 2, RETRY: 1, REJECT: 1}, fault=Fault.SLICES),
]

_DELIVERY: dict[str, Any] = {
    "retry_on_failure": {
        "initial_interval": "1ms",
        "max_interval": "5ms",
        "max_elapsed_time": "0",
    },
    "sending_queue": {"queue_size": 5, "num_consumers": 4},
}
"""In a hurry, and with a queue that is soon full: senders are refused and come again."""


async def check_exporter(back_end: BackEnd, scenario: Scenario, folder: Path, seed: int) -> None:
    """Run an exporter through a scenario. Raises `AssertionError` where it breaks the contract."""
    script, source = Script(scenario.odds, seed), Source()
    async with back_end.serving(script) as port, linked(port, scenario.fault, seed) as port_:
        out = back_end.exporter(port_, folder, _DELIVERY | {"timeout": scenario.timeout})
        pipelines = [f"{signal}: in -> out" for signal in out.signals]
        async with service(wire(*pipelines, in_=source, out=out)) as running:
            sent = await _send_all(source, out.signals, patient=not scenario.cancels)
            if scenario.cancels:
                running.interrupt()
                running.interrupt()
            else:
                await eventually(lambda: sum(_outcomes(running)) == len(sent))
        delivered, failed = _outcomes(running)
    back_end.collect(folder, script)
    assert delivered + failed == len(sent), "not all is counted as delivered or failed"
    assert not script.offered_again, "offered again what had been rejected"
    if scenario.cancels:
        assert not delivered, "counted as delivered what was called off"
        return
    assert failed == len(script.rejected), "counted as failed what had not been rejected"
    if back_end.keeps:
        assert set(script.taken) == sent - script.rejected, "lost, or sent what nobody had sent"
        assert scenario.may_double or not doubled(script.taken), "sent twice what had been taken"


async def check_extremes(back_end: BackEnd, folder: Path) -> None:
    """Send numbers at their extremes. Raises `AssertionError` unless they arrive as they were."""
    script, source = Script({Verdict.TAKE: 1.0}, 0), Source()
    async with back_end.serving(script) as port:
        out = back_end.exporter(port, folder, _DELIVERY)
        batches = list(extreme_batches(sorted(out.signals)))
        pipelines = [f"{signal}: in -> out" for signal in out.signals]
        async with service(wire(*pipelines, in_=source, out=out)) as running:
            for batch in batches:
                assert await _taken(source, batch, patient=True)
            await eventually(lambda: sum(_outcomes(running)) == len(batches))
        if not back_end.exact:  # what it has no place for has failed
            return
        assert _outcomes(running) == (len(batches), 0)
    back_end.collect(folder, script)
    if back_end.keeps:
        assert set(script.taken) == {mark for batch in batches for mark in marks_of(batch)}
    if script.batches:
        assert set(map(canonical, script.batches)) == set(map(canonical, batches))


async def _send_all(source: Source, signals: frozenset[Signal], *, patient: bool) -> set[str]:
    """Send what every sender has; returns the marks of what was taken.

    Who is patient offers again what is refused, until it is taken.
    """

    async def send(sender: int) -> set[str]:
        marks: set[str] = set()
        for batch in batches_of(sender, signals):
            if await _taken(source, batch, patient=patient):
                marks.update(marks_of(batch))
        return marks

    return set().union(*await asyncio.gather(*map(send, range(SENDERS))))


async def _taken(source: Source, batch: Batch, *, patient: bool) -> bool:
    while True:
        try:
            await source.send(batch)
        except Refused:
            if not patient:
                return False
            await asyncio.sleep(0.001)
        else:
            return True


def _outcomes(running: Running) -> tuple[float, float]:
    """The items that were delivered and that failed, as the counters have it."""
    total = running.telemetry.total
    sent = sum(total(f"otelcol_exporter_sent_{signal.items}") for signal in Signal)
    failed = sum(total(f"otelcol_exporter_send_failed_{signal.items}") for signal in Signal)
    return sent, failed
