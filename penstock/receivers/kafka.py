"""Consume telemetry from topics of Apache Kafka, as a member of a consumer group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from pydantic import Field, model_validator

from penstock.config.types import Duration
from penstock.kafka.bounds import bound
from penstock.kafka.client import arguments
from penstock.kafka.options import CLIENT_NOT_HERE, ClientOptions
from penstock.pipeline import Receiver, ReceiverConfig, Signal
from penstock.receivers._kafka_consumption import GRACE, PATIENCE, Consumption, Source
from penstock.receivers._kafka_letters import Letters
from penstock.receivers._kafka_options import (
    AutoCommit,
    HeaderExtraction,
    LetterConfig,
    Logs,
    Metrics,
    Strategy,
    Traces,
)
from penstock.receivers._kafka_reading import Reader
from penstock.receivers._kafka_tally import Tally
from penstock.receivers._kafka_topics import Subscribed

if TYPE_CHECKING:
    from penstock.pipeline import Consume, Context

_ALWAYS = 2**31 - 1
"""Milliseconds that a member may take for what it has read: how long the next stage refuses is its
own affair, and heartbeats tell that the member is alive."""

_OFFERED = "what is refused is always offered again until it is taken; remove it"


class Config(ClientOptions, ReceiverConfig):
    """Options of the `kafka` receiver, under the Collector's names."""

    not_here: ClassVar[Mapping[str, str]] = {
        **CLIENT_NOT_HERE,
        "default_fetch_size": "set `max_partition_fetch_size`",
        "error_backoff": _OFFERED,
        "group_rebalance_strategy": "set `group_rebalance_strategies`",
        "message_marking": "offsets are committed once messages have been taken, or cannot be "
        "read; remove it",
        "partition_processing": "remove it: partitions are read together",
        "use_leader_epoch": "epochs are not asked for; remove it",
    }

    traces: Traces = Traces()
    """What is consumed of traces."""
    metrics: Metrics = Metrics()
    """What is consumed of metrics."""
    logs: Logs = Logs()
    """What is consumed of logs."""
    group_id: str = Field(default="otel-collector", min_length=1)
    """The group whose members share out partitions."""
    group_instance_id: str = ""
    """A name that no other member has: who comes back by it within `session_timeout` has its
    partitions still."""
    group_rebalance_strategies: list[Strategy] = Field(default=["range"], min_length=1)
    """How partitions are shared out: the first that every member knows of `range`, `roundrobin` and
    `sticky`."""
    rack_id: str = ""
    """Where this member is: brokers may have it read from a replica that is near."""
    initial_offset: Literal["latest", "earliest"] = "latest"
    """Where a group begins to read that has committed nothing: with what comes, `latest`, or with
    what there is, `earliest`."""
    session_timeout: Duration = Field(default=10.0, gt=0)
    """After this time without a heartbeat, a member's partitions go to others."""
    heartbeat_interval: Duration = Field(default=3.0, gt=0)
    """How often a member says that it is there."""
    min_fetch_size: int = Field(default=1, ge=0)
    """Bytes of messages that a broker waits for before it answers."""
    max_fetch_size: int = Field(default=1_048_576, ge=1, lt=2**31)
    """Bytes of messages that a broker answers with at most, unless one batch of them is larger."""
    max_fetch_wait: Duration = Field(default=0.25, gt=0)
    """How long a broker waits for `min_fetch_size`."""
    max_partition_fetch_size: int = Field(default=1_048_576, ge=1, lt=2**31)
    """The same as `max_fetch_size` for each partition."""
    autocommit: AutoCommit = AutoCommit()
    """When the group is told how far it has come."""
    header_extraction: HeaderExtraction = HeaderExtraction()
    """Headers of messages as attributes of resources."""
    dead_letter: LetterConfig | None = None
    """Where to keep messages that cannot be read; they are dropped without this section."""

    @model_validator(mode="after")
    def _heartbeats_come_in_time(self) -> Self:
        if self.heartbeat_interval >= self.session_timeout:
            msg = (
                f"heartbeat_interval ({self.heartbeat_interval:g}s) must be less than "
                f"session_timeout ({self.session_timeout:g}s)"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _fetches_can_be_enough(self) -> Self:
        if self.max_fetch_size < self.min_fetch_size:
            msg = (
                f"max_fetch_size ({self.max_fetch_size}) must not be less than "
                f"min_fetch_size ({self.min_fetch_size})"
            )
            raise ValueError(msg)
        return self

    def of(self, signal: Signal) -> Traces | Metrics | Logs:
        """What is consumed of a signal."""
        found: Traces | Metrics | Logs = getattr(self, signal.value)
        return found

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return Kafka(self, context)


class Kafka(Receiver):
    """A member of the group for every signal, since each has topics of its own."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        kept = config.dead_letter
        self._letters = Letters(kept, context.id) if kept else None
        tally = Tally(context, self._letters)
        self._consumptions = [
            self._consumption(signal, tally) for signal in sorted(context.signals)
        ]

    def _consumption(self, signal: Signal, tally: Tally) -> Consumption:
        config, settings = self._config, self._config.of(signal)
        reader = Reader(signal, settings.encoding, config.header_extraction.wanted)
        topics = Subscribed(settings.topics, settings.exclude_topics)
        source = Source(topics, reader, config.autocommit.interval)
        consumption = Consumption(self._connect, source, tally, self._context)
        tally.show_lag(signal, consumption.lag)
        return consumption

    async def start(self, consume: Consume) -> None:
        """Begin to consume; brokers need not be there yet. Raises `StartError`."""
        self._arguments = arguments(self._config, self._context.id)
        bound()
        if self._letters:
            await self._letters.start()
        for consumption in self._consumptions:
            consumption.start(consume)

    async def stop(self) -> None:
        """Consume no more; what was read is passed on first, and committed."""
        for consumption in self._consumptions:
            await consumption.stop()

    def _connect(self) -> AIOKafkaConsumer:
        config = self._config
        return AIOKafkaConsumer(
            **self._arguments,
            group_id=config.group_id,
            group_instance_id=config.group_instance_id or None,
            client_rack=config.rack_id or None,
            auto_offset_reset=config.initial_offset,
            enable_auto_commit=False,
            session_timeout_ms=round(config.session_timeout * 1000),
            heartbeat_interval_ms=round(config.heartbeat_interval * 1000),
            rebalance_timeout_ms=round((config.session_timeout + GRACE + PATIENCE) * 1000),
            max_poll_interval_ms=_ALWAYS,
            fetch_min_bytes=config.min_fetch_size,
            fetch_max_bytes=config.max_fetch_size,
            fetch_max_wait_ms=round(config.max_fetch_wait * 1000),
            max_partition_fetch_bytes=config.max_partition_fetch_size,
            partition_assignment_strategy=[
                _assignor(name) for name in config.group_rebalance_strategies
            ],
        )


def _assignor(name: str) -> type:
    """A class for each member: that of `sticky` remembers what its member had."""
    return type(name, (_ASSIGNORS[name],), {})


_ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
}
