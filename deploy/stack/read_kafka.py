"""Print what has come to a topic of Kafka since a time: `read_kafka.py BROKER TOPIC SECONDS`."""

from __future__ import annotations

import asyncio
import sys

from aiokafka import AIOKafkaConsumer

QUIET = 1000
"""Milliseconds without a message after which there are no more."""


async def read(broker: str, topic: str, since: int) -> None:
    """Write the messages' values, as they are."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=broker) as consumer:
        times = dict.fromkeys(consumer.assignment(), since * 1000)
        for partition, found in (await consumer.offsets_for_times(times)).items():
            if found:
                consumer.seek(partition, found.offset)
        while batches := await consumer.getmany(timeout_ms=QUIET):
            for message in (message for batch in batches.values() for message in batch):
                sys.stdout.buffer.write(message.value + b"\n")


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3])))
