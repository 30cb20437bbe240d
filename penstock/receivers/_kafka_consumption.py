"""A member of a consumer group: what it reads, passes on, and commits once that has been taken."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from penstock.kafka.client import describe
from penstock.pipeline.insist import Insister, pause

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiokafka import ConsumerRecord
    from aiokafka.structs import TopicPartition

    from penstock.pipeline import Consume, Context, Refused
    from penstock.receivers._kafka_reading import Read, Reader
    from penstock.receivers._kafka_tally import Tally
    from penstock.receivers._kafka_topics import Subscribed

    Offsets = dict[TopicPartition, int]

LOOK = 0.2
"""Seconds that messages are waited for at a time: so soon it is noticed that there is to be no
more."""

GRACE = 5.0
"""Seconds that a batch has to be taken once its partition is given up. Who gets the partition reads
it again, if it has not been."""

PATIENCE = 5.0
"""Seconds that a commit, or a farewell, may take."""

AGAIN = 1.0
"""Seconds until a connection is tried again."""

LARGE = 65_536
"""Bytes of JSON from which reading messages is a thread's work."""


class Source(NamedTuple):
    """What is read, how, and how often the group is told how far."""

    topics: Subscribed
    reader: Reader
    interval: float


class Consumption:
    """One member of the group, for one signal. It reads no further than what it has read is taken:
    what waits is in Kafka."""

    def __init__(
        self,
        connect: Callable[[], AIOKafkaConsumer],
        source: Source,
        tally: Tally,
        context: Context,
    ) -> None:
        self._connect = connect
        self._topics, self._reader, self._interval = source
        self._tally = tally
        self._context = context
        self._insister = Insister(tally.invalid, tally.faults, self._refused)
        self._stopping = asyncio.Event()
        self._consumer: AIOKafkaConsumer | None = None
        self._joined = False
        self._settled = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._taken: Offsets = {}
        self._committed: Offsets = {}
        self._task: asyncio.Task[None] | None = None

    def start(self, consume: Consume) -> None:
        """Begin to read, as soon as a broker answers."""
        self._task = self._context.tasks.create_task(self._run(consume))

    async def stop(self) -> None:
        """Read no more; returns when what was read has been taken and that is committed."""
        self._stopping.set()
        self._insister.hurry()
        task, self._task = self._task, None
        if task is not None:
            if not self._joined:
                task.cancel()  # or a broker that does not answer would be waited for
            await asyncio.wait([task])

    async def _run(self, consume: Consume) -> None:
        while not self._stopping.is_set():
            try:
                await self._read_on(consume)
            except (KafkaError, IllegalStateError) as error:
                self._context.status.recoverable(error)
                self._tally.faults.report("Not connected", 0, describe(error))
                await pause(self._stopping, AGAIN)

    async def _read_on(self, consume: Consume) -> None:
        """Be a member of the group until the stop, or until the client fails."""
        consumer = self._consumer = self._connect()
        try:
            await consumer.start()
            self._joined = True
            self._settled.set()
            self._topics.subscribe(consumer, Rebalance(self))
            self._context.status.ok()
            await self._read(consumer, consume)
        finally:
            self._consumer, self._joined = None, False
            self._forget()
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer, consume: Consume) -> None:
        clock = asyncio.get_running_loop().time
        due = clock() + self._interval
        while not self._stopping.is_set():
            if not self._settled.is_set():
                await pause(self._settled, LOOK)
                continue
            found = await consumer.getmany(timeout_ms=round(LOOK * 1000))
            if found:
                self._work = self._context.tasks.create_task(self._pass_on(found, consume))
                await asyncio.wait([self._work])
            if clock() >= due:
                await self.commit()
                self._topics.ask(consumer)
                due = clock() + self._interval
        await self.commit()

    async def _pass_on(
        self, found: Mapping[TopicPartition, Sequence[ConsumerRecord]], consume: Consume
    ) -> None:
        messages = [message for each in found.values() for message in each]
        read = await self._read_messages(messages)
        if read.bad:
            await self._tally.bad(read.bad)
        if read.batch is not None:
            await self._insister.offer(consume, read.batch)
        self._taken |= {partition: each[-1].offset + 1 for partition, each in found.items()}
        self._resume()

    async def _read_messages(self, messages: Sequence[ConsumerRecord]) -> Read:
        if self._reader.is_costly and sum(len(it.value or b"") for it in messages) >= LARGE:
            return await asyncio.to_thread(self._reader.read, messages)
        return self._reader.read(messages)

    def _refused(self, refusal: Refused) -> None:
        """Have nothing more fetched."""
        self._tally.faults.report("Paused, since the next stage refuses", 0, refusal)
        if self._consumer is not None:
            self._consumer.pause(*self._consumer.assignment())

    def _resume(self) -> None:
        if self._consumer is not None and (paused := self._consumer.paused()):
            self._consumer.resume(*paused)

    async def commit(self) -> None:
        """Tell the group how far this member has come with what is its own. What cannot be told is
        told the next time, or is read again by who gets the partition."""
        if self._consumer is None or self._taken == self._committed:
            return
        mine = self._consumer.assignment()
        taken = {partition: place for partition, place in self._taken.items() if partition in mine}
        if not taken:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._consumer.commit(taken)
        except (CommitFailedError, IllegalStateError):
            self._forget()
        except (KafkaError, TimeoutError) as error:
            self._tally.faults.report("Not committed yet", 0, describe(error))
        else:
            self._committed = taken

    async def give_up(self) -> None:
        """The partitions go to others: let what is under way be taken soon, or leave it to them."""
        self._settled.clear()
        work = self._work
        if work is not None and not work.done():
            self._insister.hurry()
            await asyncio.wait([work], timeout=GRACE)
            work.cancel()
            await asyncio.wait([work])
        await self.commit()
        self._forget()

    def go_on(self) -> None:
        """Partitions have been shared out."""
        self._settled.set()

    def _forget(self) -> None:
        self._taken, self._committed = {}, {}

    def lag(self) -> int:
        """Messages of this member's partitions that are to be taken yet."""
        consumer = self._consumer
        if consumer is None:
            return 0
        ends = ((consumer.highwater(it), taken) for it, taken in self._taken.items())
        return sum(max(0, end - taken) for end, taken in ends if end is not None)


class Rebalance(ConsumerRebalanceListener):  # type: ignore[misc] # the library has no types
    """What happens when partitions change hands."""

    def __init__(self, consumption: Consumption) -> None:
        self._consumption = consumption

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """They are about to go."""
        if revoked:
            await self._consumption.give_up()

    async def on_partitions_assigned(self, _: Sequence[TopicPartition]) -> None:
        """They have come, and are read from where the group has come to."""
        self._consumption.go_on()
