"""Kafka: one broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.integration.program import Program, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aiokafka.structs import TopicPartition

    from tests.integration.peers import Peers


STARTED = "Kafka Server started"


class Ports(NamedTuple):
    """Where a broker listens, on 127.0.0.1; where it is guarded, only users are let in."""

    plain: int
    controller: int
    guarded: int

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
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.ports = ports or Ports(*free_ports(3))
        self.address = self.ports.address
        self.guarded = f"127.0.0.1:{self.ports.guarded}"
        env = {
            "KAFKA_PORT": str(self.ports.plain),
            "KAFKA_CONTROLLER_PORT": str(self.ports.controller),
            "KAFKA_HEAP": "300m",
            "KAFKA_PARTITIONS": "4",
            "KAFKA_EXTRA_PROPERTIES": _guarded(self.ports, users) if users else "",
        }
        super().__init__("kafka", peers.command("kafka", "run", folder / "kafka"), folder, env)
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

    def create(self, *topics: str, configs: Mapping[str, str] | None = None) -> None:
        """Make topics."""

        async def create() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
            await admin.start()
            try:
                settings = dict(configs or {})
                await admin.create_topics(
                    [NewTopic(topic, 4, 1, topic_configs=settings) for topic in topics]
                )
            finally:
                await admin.close()

        asyncio.run(create())

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


_KINDS = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"


def _guarded(ports: Ports, users: Mapping[str, str]) -> str:
    """Settings for one more port, for users."""
    plain, guarded = f"127.0.0.1:{ports.plain}", f"127.0.0.1:{ports.guarded}"
    known = " ".join(f'user_{name}="{password}"' for name, password in users.items())
    login = "org.apache.kafka.common.security.plain.PlainLoginModule"
    both = f"PLAINTEXT://{plain},SASL_PLAINTEXT://{guarded}"
    return "\n".join(
        (
            f"listeners={both},CONTROLLER://127.0.0.1:{ports.controller}",
            f"advertised.listeners={both}",
            f"listener.security.protocol.map={_KINDS}",
            "sasl.enabled.mechanisms=PLAIN",
            f"listener.name.sasl_plaintext.plain.sasl.jaas.config={login} required {known};",
        )
    )
