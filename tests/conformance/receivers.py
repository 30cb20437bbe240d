"""The contract of a receiver, as one function that any receiver is run through.

Four senders, real clients each with a connection of its own, send items that can be told apart;
what follows in the pipeline takes and refuses by a script. In the end:

- nothing is lost: what a sender was told is taken has been taken;
- nothing comes twice, but where a sender did not hear what became of it and sent it again;
- nothing was taken that a sender was told never to send again;
- the books balance.
"""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.pipeline import Exporter, Permanent, Retryable
from tests.conformance.clients import Told
from tests.conformance.contract import (
    MIXED,
    SENDERS,
    Script,
    Verdict,
    batches_of,
    doubled,
    marks_of,
)
from tests.conformance.link import Fault, linked
from tests.kit import GivenBackend, eventually, service, wire

if TYPE_CHECKING:
    from penstock.pipeline import Batch
    from tests.conformance.clients import Client, Send

SLOW = 0.05
"""Seconds after which what follows takes a batch that it is slow with."""

PATIENCE = 30.0
"""Seconds in which all of it has to be over: far more than a busy machine needs."""

_SETTLING = 2.0
"""Seconds in which a queue delivers what senders were told is taken."""


@dataclass(frozen=True)
class Scenario:
    """What a receiver has to cope with."""

    name: str
    odds: dict[Verdict, float] = field(default_factory=lambda: {Verdict.TAKE: 1.0})
    queued: bool = False
    """Whether what follows puts batches aside, so that senders may be answered at once."""
    fault: Fault | None = None
    deadline: float | None = None
    """Seconds for which senders wait for an answer, before they give up and send again."""
    cancels: bool = False
    """Whether senders call some requests off, at any moment, and send them again."""
    stops: bool = False
    """Whether the service is told to stop while everything is under way."""

    @property
    def may_double(self) -> bool:
        """Whether the link may lose answers."""
        return self.fault in {Fault.CUT, Fault.RESET, Fault.HALF_OPEN}

    def suits(self, client: Client) -> bool:
        """Whether the client is to play its part."""
        return self.name == MIXED or not client.brief


TAKE, RETRY, REJECT, SILENCE = Verdict.TAKE, Verdict.RETRY, Verdict.REJECT, Verdict.SILENCE

SCENARIOS = [
    Scenario("always succeeds"),
    Scenario("random retryable", {TAKE: 1, RETRY: 1}),
    Scenario("random permanent", {TAKE: 1, REJECT: 1}),
    Scenario(MIXED, {TAKE: 2, RETRY: 1, REJECT: 1}),
    Scenario("queued", queued=True),
    Scenario("queued and retryable", {TAKE: 1, RETRY: 1}, queued=True),
    Scenario("deadline", {TAKE: 3, SILENCE: 1}, deadline=SLOW / 2),
    Scenario("cancel", {TAKE: 1, RETRY: 1, SILENCE: 1}, cancels=True),
    Scenario("queued and cancel", {TAKE: 1, RETRY: 1}, cancels=True, queued=True),
    Scenario("disconnect", {TAKE: 1, RETRY: 1}, fault=Fault.CUT),
    Scenario("reset", {TAKE: 1, RETRY: 1}, fault=Fault.RESET),
    Scenario("half-open", {TAKE: 1, RETRY: 1}, fault=Fault.HALF_OPEN),
    Scenario("queued and disconnect", {TAKE: 1, RETRY: 1}, fault=Fault.CUT, queued=True),
    Scenario("slices", {TAKE: 1, RETRY: 1, REJECT: 1}, fault=Fault.SLICES),
    Scenario("stop", {TAKE: 1, SILENCE: 1}, stops=True),
    Scenario("queued and stop", {TAKE: 1, SILENCE: 1}, stops=True, queued=True),
]


class Scripted(Exporter):
    """What follows in the pipeline."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def send(self, batch: Batch) -> None:
        verdict = self._script.judge(batch)
        if verdict is Verdict.RETRY:
            raise Retryable("refused", after=0.001)
        if verdict is Verdict.REJECT:
            raise Permanent("rejected")
        if verdict is Verdict.SILENCE:
            await asyncio.sleep(SLOW)
            self._script.taken.update(marks_of(batch))


class Ledger:
    """What the senders were told of each item."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.refused: set[str] = set()
        self.unsure: set[str] = set()
        """Items of which a sender, at some time, did not know what became of them."""

    def note(self, batch: Batch, told: Told) -> bool:
        """Enter what a sender was told; whether that is the end of the batch."""
        marks = marks_of(batch)
        if told is Told.AGAIN:
            return False
        entry = {Told.TAKEN: self.taken, Told.NEVER: self.refused, Told.UNKNOWN: self.unsure}[told]
        entry.update(marks)
        return told is not Told.UNKNOWN


async def check_receiver(client: Client, scenario: Scenario, seed: int) -> None:
    """Run a receiver through a scenario. Raises `AssertionError` where it breaks the contract."""
    script, ledger = Script(scenario.odds, seed), Ledger()
    port = free_port()
    pipelines = [f"{signal}: in -> out" for signal in client.signals]
    out = what_follows(Scripted(script), scenario)
    settings = wire(*pipelines, in_=client.receiver(port), out=out)
    async with asyncio.timeout(PATIENCE), linked(port, scenario.fault, seed) as port_:
        senders = [Sender(client, scenario, ledger, number) for number in range(SENDERS)]
        async with service(settings):
            sending = asyncio.gather(*(sender.run(port_) for sender in senders))
            if scenario.stops:
                await eventually(lambda: ledger.taken)
            else:
                await sending
            if scenario.queued and not scenario.stops:
                await _settled(script, ledger)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    taken = set(script.taken)
    assert ledger.taken, "no sender was ever told that something is taken"
    assert ledger.taken <= taken, "told that it is taken, and lost"
    if not scenario.stops:
        sent = {mark for sender in senders for mark in sender.marks}
        assert ledger.taken | ledger.refused == sent, "senders were told nothing"
    if not scenario.may_double:
        assert doubled(script.taken) <= ledger.unsure, "passed on twice"
        assert ledger.refused & taken <= ledger.unsure, "told never to come again, and taken"


async def _settled(script: Script, ledger: Ledger) -> None:
    with suppress(TimeoutError):  # the ledger says better what is missing
        async with asyncio.timeout(_SETTLING):
            await eventually(lambda: ledger.taken <= script.taken.keys())


class Sender:
    """Sends its batches one after the other, each until it is told what became of it."""

    def __init__(self, client: Client, scenario: Scenario, ledger: Ledger, number: int) -> None:
        self._client = client
        self._scenario = scenario
        self._ledger = ledger
        self._batches = list(batches_of(number, client.signals))
        self._random = random.Random(number)
        self.marks = {mark for batch in self._batches for mark in marks_of(batch)}

    async def run(self, port: int) -> None:
        """Send everything."""
        async with self._client.connected(port) as send:
            for batch in self._batches:
                await self._insist(send, batch)

    async def _insist(self, send: Send, batch: Batch) -> None:
        while True:
            told = await self._attempt(send, batch)
            if self._ledger.note(batch, told):
                return
            await asyncio.sleep(0.001)

    async def _attempt(self, send: Send, batch: Batch) -> Told:
        try:
            async with asyncio.timeout(self._patience()):
                return await send(batch)
        except TimeoutError:
            return Told.UNKNOWN

    def _patience(self) -> float | None:
        if self._scenario.cancels and self._random.random() < 1 / 3:
            return self._random.uniform(0, 0.005)
        return self._scenario.deadline


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def what_follows(exporter: Scripted, scenario: Scenario) -> Exporter | GivenBackend:
    """The exporter, behind a queue if the scenario has one."""
    if not scenario.queued:
        return exporter
    retry = {"initial_interval": "1ms", "max_interval": "5ms"}
    queue = {"queue_size": 5, "num_consumers": 2}
    return GivenBackend.model_validate(
        {"component": exporter, "retry_on_failure": retry, "sending_queue": queue}
    )
