"""The contract of a receiver that gathers, whose senders are told nothing.

Four senders send items that can be told apart; what follows in the pipeline takes and refuses by a
script. In the end all that was sent has been taken, or rejected for good, once, and the books
balance.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from penstock.config.catalog import Kind
from penstock.config.components import config_class
from penstock.pipeline import Batch, ReceiverConfig, Signal
from tests import kafka_broker
from tests.conformance.contract import SENDERS, Script, doubled, marked, marks_of
from tests.conformance.receivers import PATIENCE, Scenario, Scripted, free_port, what_follows
from tests.kit import eventually, service, wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

TOPIC = "metrics"

ROUNDS = 8
"""How often each sender sends, one to five items at a time."""


class Gathered:
    """How a receiver of `type_` is sent to."""

    type_: str
    signal = Signal.METRICS

    def settings(self, port: int) -> dict[str, Any]:
        """Settings of the receiver, to listen on that port and to pass on what it has at once."""
        raise NotImplementedError

    async def send(self, port: int, marks: Iterable[str]) -> None:
        """Send an item for each mark."""
        raise NotImplementedError

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        """Have what the receiver asks, where it does not listen itself."""
        yield

    def left(self) -> set[str]:
        """What the receiver has left with whoever has it, and will come for again."""
        return set()

    def receiver(self, port: int) -> ReceiverConfig:
        """The settings, checked."""
        made = config_class(Kind.RECEIVERS, self.type_).model_validate(self.settings(port))
        assert isinstance(made, ReceiverConfig)
        return made


class Statsd(Gathered):
    """Counters, by datagrams or connections."""

    type_ = "statsd"

    def __init__(self, transport: str) -> None:
        self._transport = transport

    def settings(self, port: int) -> dict[str, Any]:
        return {
            "transport": self._transport,
            "endpoint": f"127.0.0.1:{port}",
            "aggregation_interval": "5ms",
        }

    async def send(self, port: int, marks: Iterable[str]) -> None:
        lines = "".join(f"{mark}:1|c\n" for mark in marks).encode()
        if self._transport == "udp":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(lines, ("127.0.0.1", port))
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(lines)
            writer.close()
            await writer.wait_closed()


class Kafka(Gathered):
    """Messages in a topic, each an item."""

    type_ = "kafka"

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        self._broker = kafka_broker.Broker(topics={TOPIC: [[], []]})
        async with kafka_broker.serving(self._broker, port):
            yield

    def settings(self, port: int) -> dict[str, Any]:
        return {
            "brokers": [f"127.0.0.1:{port}"],
            "initial_offset": "earliest",
            "autocommit": {"interval": "5ms"},
            "metrics": {"topics": [TOPIC]},
        }

    async def send(self, port: int, marks: Iterable[str]) -> None:
        for mark in marks:
            value = marked(Signal.METRICS, [mark]).to_otlp()
            self._broker.put(TOPIC, value, partition=len(mark) % 2)

    def left(self) -> set[str]:
        logs = self._broker.topics[TOPIC]
        done = [self._broker.committed.get((TOPIC, number), 0) for number in range(len(logs))]
        kept = [it.value for log, start in zip(logs, done, strict=True) for it in log[start:]]
        return {
            mark for value in kept for mark in marks_of(Batch.from_otlp("metrics", value or b""))
        }


async def check_gathered(kind: Gathered, scenario: Scenario, seed: int) -> None:
    """Run a receiver through a scenario. Raises `AssertionError` where it breaks the contract."""
    script, port, sent = Script(scenario.odds, seed), free_port(), set[str]()

    async def send(sender: int) -> None:
        for number in range(ROUNDS):
            items = range(1 + (sender + number) % 5)
            marks = [f"sender {sender} round {number} item {item}" for item in items]
            sent.update(marks)
            await kind.send(port, marks)
            await asyncio.sleep(0.002)

    out = what_follows(Scripted(script), scenario)
    settings = wire(f"{kind.signal}: in -> out", in_=kind.receiver(port), out=out)
    async with asyncio.timeout(PATIENCE), kind.serving(port):
        async with service(settings):
            await asyncio.gather(*map(send, range(SENDERS)))
            if not scenario.stops:
                await eventually(lambda: sent <= set(script.taken) | script.rejected)
        left = kind.left()
    settled = set(script.taken) | script.rejected
    assert settled | left == sent, "sent, and lost"
    assert settled & left == set(), "taken, and not committed"
    assert doubled(script.taken) == set(), "passed on twice"
