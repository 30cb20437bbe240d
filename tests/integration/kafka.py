"""Kafka: one broker, or several."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from tests.integration.program import Program, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.integration.peers import Peers


STARTED = "Kafka Server started"


class Ports(NamedTuple):
    """Where a broker listens, on 127.0.0.1."""

    plain: int
    controller: int

    @property
    def address(self) -> str:
        """Where everybody is let in."""
        return f"127.0.0.1:{self.plain}"


class Kafka(Program):
    """A running broker whose topics have four partitions."""

    def __init__(
        self,
        peers: Peers,
        folder: Path,
        ports: Ports | None = None,
        properties: Mapping[str, str] | None = None,
        name: str = "kafka",
    ) -> None:
        self.ports = ports or Ports(*free_ports(2))
        self.address = self.ports.address
        env = {
            "KAFKA_PORT": str(self.ports.plain),
            "KAFKA_CONTROLLER_PORT": str(self.ports.controller),
            "KAFKA_HEAP": "300m",
            "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",  # which halves the time of the start
            "KAFKA_PARTITIONS": "4",
            "KAFKA_EXTRA_PROPERTIES": "\n".join(
                f"{key}={value}" for key, value in (properties or {}).items()
            ),
        }
        super().__init__(name, peers.command("kafka", "run", folder / name), folder, env)
        self._started = self.output().count(STARTED)

    def ready(self) -> bool:
        """Whether it takes requests."""
        return self.output().count(STARTED) > self._started

    def produce(self, topic: str, *values: bytes) -> None:
        """Have messages in a topic."""

        async def produce() -> None:
            async with AIOKafkaProducer(bootstrap_servers=self.address) as producer:
                for value in values:
                    await producer.send_and_wait(topic, value)

        asyncio.run(produce())

    def values(self, topic: str) -> list[bytes]:
        """All messages of a topic, whoever reads them besides."""

        async def read() -> list[bytes]:
            found: list[bytes] = []
            async with AIOKafkaConsumer(
                topic, bootstrap_servers=self.address, auto_offset_reset="earliest"
            ) as consumer:
                ends = await consumer.end_offsets(consumer.assignment())
                while len(found) < sum(ends.values()):
                    for records in (await consumer.getmany(timeout_ms=1000)).values():
                        found += [record.value for record in records]
            return found

        return asyncio.run(read())

    def create(
        self,
        *topics: str,
        brokers: Sequence[int] = (),
        configs: Mapping[str, str] | None = None,
    ) -> None:
        """Make topics, of one partition if it is told which brokers have it, the leader first."""

        async def create() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
            await admin.start()
            try:
                shape = (-1, -1, {0: list(brokers)}) if brokers else (4, 1, None)
                about = (*shape, dict(configs or {}))
                await admin.create_topics([NewTopic(topic, *about) for topic in topics])
            finally:
                await admin.close()

        asyncio.run(create())

    def leader(self, topic: str) -> int:
        """The number of the broker that leads the only partition of a topic, -1 before one does."""

        async def ask() -> int:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
            await admin.start()
            try:
                (found,) = await admin.describe_topics([topic])
            finally:
                await admin.close()
            return next((int(partition["leader"]) for partition in found["partitions"]), -1)

        return asyncio.run(ask())

    def keep_offsets(self) -> None:
        """Become the one that keeps how far groups have come."""

        async def ask() -> None:
            settings = {"bootstrap_servers": self.address, "group_id": "first"}
            async with AIOKafkaConsumer(**settings) as consumer:
                await consumer.committed(TopicPartition("any", 0))

        asyncio.run(ask())

    def committed(self, group: str) -> dict[TopicPartition, int]:
        """How far a group has come."""

        async def ask() -> dict[TopicPartition, int]:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
            await admin.start()
            try:
                offsets = await admin.list_consumer_group_offsets(group)
            finally:
                await admin.close()
            return {partition: each.offset for partition, each in offsets.items()}

        return asyncio.run(ask())


def follower(peers: Peers, folder: Path, first: Kafka) -> Kafka:
    """A second broker of the first one's cluster, whose number is 2."""
    ports = Ports(*free_ports(2))
    here = f"PLAINTEXT://{ports.address}"
    properties = {
        "process.roles": "broker",
        "node.id": "2",
        "controller.quorum.voters": f"1@127.0.0.1:{first.ports.controller}",
        "listeners": here,
        "advertised.listeners": here,
    }
    return Kafka(peers, folder, ports, properties, "follower")
