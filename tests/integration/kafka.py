"""Kafka: one broker."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.integration.program import Program, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aiokafka.structs import TopicPartition

    from tests.integration.peers import Peers


class Kafka(Program):
    """A running broker whose topics have four partitions."""

    def __init__(
        self, peers: Peers, folder: Path, ports: tuple[int, int] | None = None, extra: str = ""
    ) -> None:
        self.ports = ports or tuple(free_ports(2))
        self.address = f"127.0.0.1:{self.ports[0]}"
        env = {
            "KAFKA_PORT": str(self.ports[0]),
            "KAFKA_CONTROLLER_PORT": str(self.ports[1]),
            "KAFKA_HEAP": os.environ.get("KAFKA_HEAP", "300m"),
            "KAFKA_PARTITIONS": "4",
            "KAFKA_EXTRA_PROPERTIES": extra,
        }
        super().__init__("kafka", peers.command("kafka", "run", folder / "kafka"), folder, env)

    def ready(self) -> bool:
        """Whether it takes requests."""
        return "Kafka Server started" in self.output()

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
