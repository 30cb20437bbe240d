"""The contract checks pass who keeps the contract, and notice every way of breaking it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from penstock.pipeline import Exporter, Invalid, Permanent, Receiver, Refused, Retryable
from tests.conformance import exporters, receivers
from tests.conformance.back_ends import BackEnd
from tests.conformance.clients import Client, Told
from tests.conformance.contract import Script, Verdict
from tests.kit import GivenBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from penstock.pipeline import Batch, Consume, Rejected
    from tests.conformance.clients import Send

MIXED = {Verdict.TAKE: 1.0, Verdict.RETRY: 1.0, Verdict.REJECT: 1.0}


class Honest(Exporter):
    """Gives every batch to the script, and passes on what that says."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def send(self, batch: Batch) -> Rejected | None:
        await asyncio.sleep(0)
        verdict = self._script.judge(batch)
        if verdict is Verdict.RETRY:
            raise Retryable("refused")
        if verdict is Verdict.REJECT:
            raise Permanent("rejected")
        return None


class Forgetful(Honest):
    """Says of what was refused that it is delivered."""

    async def send(self, batch: Batch) -> None:
        try:
            await super().send(batch)
        except Retryable:
            return


class Doubling(Honest):
    """Sends everything twice."""

    async def send(self, batch: Batch) -> None:
        await super().send(batch)
        self._script.taken.update(self._script.taken.keys())


class Stubborn(Honest):
    """Comes again with what was rejected."""

    async def send(self, batch: Batch) -> None:
        try:
            await super().send(batch)
        except Permanent as error:
            raise Retryable(str(error)) from error


class Faint(Honest):
    """Gives up what was only refused."""

    async def send(self, batch: Batch) -> None:
        try:
            await super().send(batch)
        except Retryable as error:
            raise Permanent(str(error)) from error


class Direct(BackEnd):
    """No network: the exporter asks the script itself."""

    verdicts = frozenset(MIXED)

    def __init__(self, exporter: type[Honest]) -> None:
        self._made = exporter

    @asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[int]:
        self._exporter = self._made(script)
        yield 0

    def exporter(self, port: int, folder: Path, delivery: dict[str, Any]) -> GivenBackend:
        return GivenBackend.model_validate(delivery | {"component": self._exporter})


def check_exporter(exporter: type[Honest], folder: Path) -> None:
    scenario = exporters.Scenario("mixed", MIXED)
    asyncio.run(exporters.check_exporter(Direct(exporter), scenario, folder, seed=0))


def test_an_exporter_that_keeps_the_contract_passes(tmp_path: Path) -> None:
    check_exporter(Honest, tmp_path)


@pytest.mark.parametrize(
    ("exporter", "noticed"),
    [
        (Forgetful, "lost"),
        (Doubling, "sent twice"),
        (Stubborn, "offered again"),
        (Faint, "counted as failed"),
    ],
)
def test_an_exporter_that_breaks_the_contract_is_noticed(
    exporter: type[Honest], noticed: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=noticed):
        check_exporter(exporter, tmp_path)


class Truthful(Receiver):
    """Tells its senders what the pipeline said."""

    async def start(self, consume: Consume) -> None:
        self._consume = consume

    async def take(self, batch: Batch) -> Told:
        """What a sender is told."""
        try:
            await self._consume(batch)
        except Refused:
            return Told.AGAIN
        except Invalid:
            return Told.NEVER
        return Told.TAKEN

    async def stop(self) -> None:
        pass


class Careless(Truthful):
    """Says of what was refused that it is taken."""

    async def take(self, batch: Batch) -> Told:
        told = await super().take(batch)
        return Told.TAKEN if told is Told.AGAIN else told


class Forgiving(Truthful):
    """Lets senders come again with what must not come again, and says that it was taken."""

    async def take(self, batch: Batch) -> Told:
        told = await super().take(batch)
        return Told.TAKEN if told is Told.NEVER else told


class Stuttering(Truthful):
    """Passes everything on twice."""

    async def take(self, batch: Batch) -> Told:
        await super().take(batch)
        return await super().take(batch)


class Pessimist(Truthful):
    """Says of what was taken that it must not come again."""

    async def take(self, batch: Batch) -> Told:
        told = await super().take(batch)
        return Told.NEVER if told is Told.TAKEN and len(batch) == 1 else told


class Inside(Client):
    """No network: the sender asks the receiver itself."""

    def __init__(self, receiver: Truthful) -> None:
        self._receiver = receiver

    def receiver(self, port: int) -> Receiver:
        return self._receiver

    @asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[Send]:
        yield self._receiver.take


def check_receiver(receiver: Truthful) -> None:
    scenario = receivers.Scenario("mixed", MIXED)
    asyncio.run(receivers.check_receiver(Inside(receiver), scenario, seed=0))


def test_a_receiver_that_keeps_the_contract_passes() -> None:
    check_receiver(Truthful())


@pytest.mark.parametrize(
    ("receiver", "noticed"),
    [
        (Careless(), "and lost"),
        (Forgiving(), "and lost"),
        (Stuttering(), "passed on twice"),
        (Pessimist(), "told never to come again, and taken"),
    ],
)
def test_a_receiver_that_breaks_the_contract_is_noticed(receiver: Truthful, noticed: str) -> None:
    with pytest.raises(AssertionError, match=noticed):
        check_receiver(receiver)
