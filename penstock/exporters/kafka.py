"""Produce telemetry to topics of Apache Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self
from weakref import WeakValueDictionary

from aiokafka.errors import (
    InvalidRequiredAcksError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    UnsupportedForMessageFormatError,
)
from pydantic import Field, SecretStr, model_validator

from penstock.exporters._kafka_messages import Message, Planned, Planner
from penstock.exporters._kafka_options import Logs, Metrics, Partitioner, Producer, Traces
from penstock.exporters._kafka_producer import Producer as Client
from penstock.kafka.client import describe
from penstock.kafka.options import CLIENT_NOT_HERE, ClientOptions
from penstock.pipeline import Batch, Context, Exporter, Rejected, Retryable, Signal
from penstock.pipeline.delivery.delivery import DeliveryConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGE = 65_536
"""Bytes of a batch from which making its messages is a thread's work."""

_PERMANENT = (
    InvalidRequiredAcksError,
    InvalidTimestampError,
    InvalidTopicError,
    PolicyViolationError,
    UnsupportedForMessageFormatError,
)
"""What a broker says of messages that it will never take. All else may pass: rights are given,
topics created, leaders elected."""


class Config(ClientOptions, DeliveryConfig):
    """Options of the `kafka` exporter, under the Collector's names."""

    not_here: ClassVar[Mapping[str, str]] = {
        **CLIENT_NOT_HERE,
        "include_metadata_keys": "requests' metadata is not kept; set `record_headers`",
    }

    traces: Traces = Traces()
    """How traces are sent."""
    metrics: Metrics = Metrics()
    """How metrics are sent."""
    logs: Logs = Logs()
    """How logs are sent."""
    topic_from_attribute: str = ""
    """An attribute of resources whose value is the topic, where it is there."""
    record_headers: dict[str, SecretStr] = Field(default_factory=dict)
    """Headers of every message."""
    partition_traces_by_id: bool = False
    """Whether every trace has a message of its own, whose key is the trace's id in hex."""
    partition_metrics_by_resource_attributes: bool = False
    """Whether metrics of every resource have messages of their own, whose key is a hash of its
    attributes."""
    partition_logs_by_resource_attributes: bool = False
    """The same for logs."""
    partition_logs_by_trace_id: bool = False
    """Whether logs of every trace have messages of their own, whose key is the trace's id in hex;
    what is of no trace has no key."""
    record_partitioner: Partitioner = Partitioner()
    """Which partition a message goes to."""
    producer: Producer = Producer()
    """How messages are produced."""

    @model_validator(mode="after")
    def _logs_have_one_key(self) -> Self:
        if self.partition_logs_by_resource_attributes and self.partition_logs_by_trace_id:
            msg = (
                "partition_logs_by_resource_attributes and partition_logs_by_trace_id exclude each "
                "other; keep one"
            )
            raise ValueError(msg)
        return self

    def of(self, signal: Signal) -> Traces | Metrics | Logs:
        """How a signal is sent."""
        found: Traces | Metrics | Logs = getattr(self, signal.value)
        return found

    @property
    def patience(self) -> float | None:
        """An attempt waits for room, for an answer and for its repetition: each for the time-out at
        most. An idempotent client repeats by itself until it is heard; who sent anew what it still
        has would send it twice."""
        return None if self.producer.idempotent else 3 * self.timeout

    def build(self, context: Context) -> Exporter:
        """The exporter these settings describe."""
        return Kafka(self, context)


class Outcome(NamedTuple):
    """What became of messages."""

    failed: list[Message]
    """What may be sent again."""
    rejected: list[Rejected]
    faults: list[Exception]


_Sent = tuple[Message, Exception | None]
"""A message, and why it did not arrive."""


class Kafka(Exporter):
    """A message, or several, a batch. Brokers need not be there: what cannot be sent is left for
    another attempt."""

    def __init__(self, config: Config, context: Context) -> None:
        self._planner = Planner(config)
        self._client = Client(config, context, self._planner.headers)
        self._planning = asyncio.Lock()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        """Nothing: the client connects when it is first used."""

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def send(self, batch: Batch) -> Rejected | None:
        """Send every message, and hear what became of each. The messages of a key are put in the
        order of their batches, however many of these are sent at a time."""
        async with self._planning:
            planned = await self._plan(batch)
            lots = self._put(planned.messages)
        rejected = planned.rejected
        outcome = await self._settle(lots)
        rejected += outcome.rejected
        if outcome.failed:
            left = Batch.concat([message.batch for message in outcome.failed])
            remaining = left if len(left) < len(batch) else None
            reason = describe(outcome.faults[0])
            raise Retryable(reason, remaining=remaining, rejected=_joined(rejected))
        return _joined(rejected)

    async def _plan(self, batch: Batch) -> Planned:
        if batch.nbytes >= LARGE and self._planner.is_costly(batch.signal):
            return await asyncio.to_thread(self._planner.plan, batch)
        return self._planner.plan(batch)

    def _put(self, messages: Iterable[Message]) -> list[asyncio.Task[list[_Sent]]]:
        """Begin to send messages, each topic for itself, so that one that is missing holds up no
        other."""
        by_topic: dict[str, list[Message]] = {}
        for message in messages:
            by_topic.setdefault(message.topic, []).append(message)
        return [asyncio.create_task(self._send_all(*lot)) for lot in by_topic.items()]

    async def _settle(self, lots: Iterable[asyncio.Task[list[_Sent]]]) -> Outcome:
        """Hear what became of messages; those that a broker finds too large are sent alone and in
        pieces."""
        found = await asyncio.gather(*lots)
        outcome = Outcome([], [], [])
        for message, fault in (pair for pairs in found for pair in pairs):
            if isinstance(fault, MessageSizeTooLargeError):
                await self._produce_alone(message, outcome)
            elif fault is not None:
                await self._note(message, fault, outcome)
        return outcome

    async def _send_all(self, topic: str, messages: list[Message]) -> list[_Sent]:
        sent: list[asyncio.Future[object]] = []
        fault: Exception | None = None
        async with self._turns.setdefault(topic, asyncio.Lock()):
            for message in messages:
                try:
                    sent.append(await self._client.put(message))
                except KafkaError as error:
                    fault = error
                    break
        faults = await asyncio.gather(*map(_fault_of, sent))
        missing = [fault] * (len(messages) - len(sent))
        return list(zip(messages, [*faults, *missing], strict=True))

    async def _produce_alone(self, message: Message, outcome: Outcome) -> None:
        todo = [message]
        while todo:
            piece = todo.pop()
            try:
                await (await self._client.put(piece, alone=True))
            except MessageSizeTooLargeError:
                planned = self._planner.halve(piece)
                todo += planned.messages[::-1]
                outcome.rejected.extend(planned.rejected)
            except KafkaError as error:
                await self._note(piece, error, outcome)

    async def _note(self, message: Message, fault: Exception, outcome: Outcome) -> None:
        if isinstance(fault, _PERMANENT):
            outcome.rejected.append(Rejected(len(message.batch), describe(fault), message.batch))
            return
        await self._client.heed(fault)
        outcome.failed.append(message)
        outcome.faults.append(fault)


async def _fault_of(sent: asyncio.Future[object]) -> Exception | None:
    await asyncio.wait([sent])
    fault = sent.exception()
    if fault is not None and not isinstance(fault, KafkaError):
        raise fault
    return fault


def _joined(rejected: list[Rejected]) -> Rejected | None:
    if not rejected:
        return None
    items = Batch.concat([each.batch for each in rejected if each.batch])
    return Rejected(len(items), rejected[0].reason, items)
