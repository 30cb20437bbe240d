"""A producer that is there when it is needed, whatever becomes of the brokers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)

from penstock.kafka.client import arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.exporters._kafka_messages import Header, Message
    from penstock.exporters.kafka import Config
    from penstock.pipeline import Context

CLOSING = 1.0
"""Seconds that messages have to be sent which nobody waits for, once the producer is closed."""

_SPENT = (
    InvalidProducerEpoch,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)
"""What a producer says that will not send anything any more."""


class Producer:
    """Connects when it is first used, and anew when its client has given up."""

    def __init__(self, config: Config, context: Context, headers: Sequence[Header]) -> None:
        self._config = config
        self._context = context
        self._headers = list(headers)
        self._partitioner = config.record_partitioner.make()
        self._starting = asyncio.Lock()
        self._client: AIOKafkaProducer | None = None

    async def ready(self) -> AIOKafkaProducer:
        """The client, connected. Raises `KafkaError` where no broker answers."""
        async with self._starting:
            if self._client is None:
                self._client = await self._connected()
            return self._client

    async def put(self, message: Message, *, alone: bool = False) -> asyncio.Future[object]:
        """Have a message sent; the future tells when it has been. Raises `KafkaError`.

        What must not share its fate with others is sent `alone`.
        """
        client = await self.ready()
        client.client.add_topic(message.topic)  # or it would be forgotten when others are asked for
        self._partitioner.turn()
        if alone:
            return await self._put_alone(client, message)
        sent: asyncio.Future[object] = await client.send(
            message.topic, message.value, message.key, headers=self._headers
        )
        return sent

    async def _put_alone(
        self, client: AIOKafkaProducer, message: Message
    ) -> asyncio.Future[object]:
        known = sorted(await client.partitions_for(message.topic))
        partition = self._partitioner(message.key, known, known)
        lot = client.create_batch()
        lot.append(key=message.key, value=message.value, timestamp=None, headers=self._headers)
        lot.close()
        sent: asyncio.Future[object] = await client.send_batch(
            lot, message.topic, partition=partition
        )
        return sent

    async def heed(self, error: Exception) -> None:
        """Begin anew where the client will not send anything any more."""
        if isinstance(error, _SPENT) or type(error) is KafkaError:
            client, self._client = self._client, None
            if client is not None:
                await _close(client)

    async def close(self) -> None:
        """End the connections."""
        client, self._client = self._client, None
        if client is not None:
            await _close(client)

    async def _connected(self) -> AIOKafkaProducer:
        config, producer = self._config, self._config.producer
        client = AIOKafkaProducer(
            **arguments(config, self._context.id),
            acks=producer.required_acks,
            enable_idempotence=producer.idempotent,
            compression_type=None if producer.compression == "none" else producer.compression,
            linger_ms=round(producer.linger * 1000),
            max_batch_size=producer.max_message_bytes,
            max_request_size=producer.max_message_bytes,
            partitioner=self._partitioner,
            request_timeout_ms=round(config.timeout * 1000),
        )
        try:
            await client.start()
        except BaseException:
            await _close(client)
            raise
        return client


async def _close(client: AIOKafkaProducer) -> None:
    """Close a client, and leave nothing of it behind if it cannot send what it has."""
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(CLOSING):
            await client.stop()
            return
    with suppress(KafkaError):
        client._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001  (nothing else does)
        await client._sender.close()  # noqa: SLF001  (`stop` does it only once all is sent)
    await client.client.close()
