"""A broker of Kafka, as small as can be: topics in memory, and groups of one member.

It speaks the oldest versions of the protocol that clients of today still use.
"""

from __future__ import annotations

import asyncio
import struct
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from aiokafka.protocol import admin, commit, coordination, fetch, group, metadata, offset, produce
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

NO_ERROR, OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC = 0, 1, 3
NOT_LEADER, TOO_LARGE, INVALID_TOPIC, UNAUTHORISED, REFUSED = 6, 10, 17, 29, 44
REBALANCING = 27

EARLIEST = -2
"""The time of the first message."""

_KNOWN = {
    request.API_KEY: request
    for request in (
        produce.ProduceRequest_v3,
        fetch.FetchRequest_v4,
        offset.OffsetRequest_v1,
        metadata.MetadataRequest_v1,
        commit.OffsetCommitRequest_v2,
        commit.OffsetFetchRequest_v1,
        coordination.FindCoordinatorRequest_v0,
        group.JoinGroupRequest_v0,
        group.HeartbeatRequest_v0,
        group.LeaveGroupRequest_v0,
        group.SyncGroupRequest_v0,
        admin.ApiVersionRequest_v0,
    )
}


@dataclass(frozen=True)
class Record:
    """A message that was produced."""

    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Broker:
    """What it holds, and how it answers."""

    partitions: int = 1
    topics: dict[str, list[list[Record]]] = field(default_factory=dict)
    committed: dict[tuple[str, int], int] = field(default_factory=dict)
    judge: Callable[[str, list[Record]], Awaitable[int]] | None = None
    """Awaited with a topic and the records of a batch: a code of Kafka's; 0 takes them."""
    compression: int = 0
    """The code of what messages are compressed with that are fetched."""
    creates: bool = True
    """Whether topics come to be when they are asked for."""
    port: int = 0
    generation: int = 0
    requests: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, topic: str, *values: bytes | None, partition: int = 0, **about: Any) -> None:
        """Have messages in a topic."""
        self._logs(topic)[partition] += [
            Record(about.get("key"), each, about.get("headers", ())) for each in values
        ]
        self._changed.set()

    def values(self, topic: str) -> list[bytes | None]:
        """The values of all messages of a topic."""
        return [record.value for log in self.topics.get(topic, []) for record in log]

    def rebalance(self) -> None:
        """Have members join anew."""
        self.generation += 1

    def _logs(self, topic: str) -> list[list[Record]]:
        return self.topics.setdefault(topic, [[] for _ in range(self.partitions)])

    async def answer(self, request: Any) -> Any:
        """The answer to a request; `None` where there is none."""
        name = type(request).__name__.partition("Request")[0]
        self.requests[name] += 1
        found = getattr(self, f"_on_{name.lower()}")(request)
        return await found if asyncio.iscoroutine(found) else found

    def _on_apiversion(self, _: Any) -> Any:
        known = [(key, it.API_VERSION, it.API_VERSION) for key, it in _KNOWN.items()]
        return admin.ApiVersionResponse_v0(NO_ERROR, known)

    def _on_metadata(self, request: Any) -> Any:
        names = request.topics or list(self.topics)
        brokers = [(0, "127.0.0.1", self.port, None)]
        return metadata.MetadataResponse_v1(brokers, 0, [self._told(name) for name in names])

    def _told(self, topic: str) -> tuple[Any, ...]:
        if topic not in self.topics and not self.creates:
            return (UNKNOWN_TOPIC, topic, False, [])
        logs = self._logs(topic)
        return (NO_ERROR, topic, False, [(NO_ERROR, it, 0, [0], [0]) for it in range(len(logs))])

    async def _on_produce(self, request: Any) -> Any:
        answers = [
            (topic, [(number, await self._take(topic, number, lot), 0, -1) for number, lot in lots])
            for topic, lots in request.topics
        ]
        return produce.ProduceResponse_v3(answers, 0) if request.required_acks else None

    async def _take(self, topic: str, partition: int, lot: bytes) -> int:
        records = [Record(it.key, it.value, tuple(it.headers)) for it in _records(lot)]
        code = await self.judge(topic, records) if self.judge else NO_ERROR
        if code == NO_ERROR:
            self._logs(topic)[partition] += records
            self._changed.set()
        return code

    async def _on_fetch(self, request: Any) -> Any:
        if not any(
            self._there(topic, *asked[:2]) for topic, each in request.topics for asked in each
        ):
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(request.max_wait_time / 1000):
                    await self._changed.wait()
        answers = [
            (topic, [self._fetched(topic, number, start) for number, start, _ in each])
            for topic, each in request.topics
        ]
        return fetch.FetchResponse_v4(0, answers)

    def _there(self, topic: str, partition: int, start: int) -> bool:
        return start < len(self._logs(topic)[partition])

    def _fetched(self, topic: str, partition: int, start: int) -> tuple[Any, ...]:
        log = self._logs(topic)[partition]
        code = OFFSET_OUT_OF_RANGE if start > len(log) else NO_ERROR
        return (
            partition,
            code,
            len(log),
            len(log),
            [],
            lot(log[start : start + 10], start, self.compression),
        )

    def _on_offset(self, request: Any) -> Any:
        answers = [
            (
                topic,
                [
                    (it, NO_ERROR, -1, 0 if when == -2 else len(self._logs(topic)[it]))
                    for it, when in each
                ],
            )
            for topic, each in request.topics
        ]
        return offset.OffsetResponse_v1(answers)

    def _on_findcoordinator(self, _: Any) -> Any:
        return coordination.FindCoordinatorResponse_v0(NO_ERROR, 0, "127.0.0.1", self.port)

    def _on_joingroup(self, request: Any) -> Any:
        self.generation += 1
        self._joined = self.generation
        protocol, about = request.group_protocols[0]
        me = request.member_id or f"member {self.generation}"
        return group.JoinGroupResponse_v0(
            NO_ERROR, self.generation, protocol, me, me, [(me, about)]
        )

    def _on_syncgroup(self, request: Any) -> Any:
        ((_, assigned),) = request.group_assignment
        return group.SyncGroupResponse_v0(NO_ERROR, assigned)

    def _on_heartbeat(self, request: Any) -> Any:
        late = request.generation_id != self.generation
        return group.HeartbeatResponse_v0(REBALANCING if late else NO_ERROR)

    def _on_leavegroup(self, _: Any) -> Any:
        return group.LeaveGroupResponse_v0(NO_ERROR)

    def _on_offsetfetch(self, request: Any) -> Any:
        answers = [
            (topic, [(it, self.committed.get((topic, it), -1), "", NO_ERROR) for it in each])
            for topic, each in request.topics
        ]
        return commit.OffsetFetchResponse_v1(answers)

    def _on_offsetcommit(self, request: Any) -> Any:
        for topic, each in request.topics:
            self.committed |= {(topic, it): place for it, place, _ in each}
        answers = [(topic, [(it, NO_ERROR) for it, _, _ in each]) for topic, each in request.topics]
        return commit.OffsetCommitResponse_v2(answers)


def _records(lot: bytes) -> list[Any]:
    found, lots = [], MemoryRecords(bytes(lot))
    while lots.has_next():
        found += list(lots.next_batch())
    return found


def lot(records: Sequence[Record], start: int, compression: int) -> bytes:
    """Messages that were produced together, the first of which is at `start`."""
    if not records:
        return b""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=0,
        batch_size=2**30,
    )
    for place, record in enumerate(records):
        builder.append(place, 1, record.key, record.value, list(record.headers))
    written = builder.build()
    return struct.pack(">q", start) + bytes(written[8:])


async def _serve(
    broker: Broker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            message = BytesIO(await reader.readexactly(size))
            key, _, number, length = struct.unpack(">hhih", message.read(10))
            message.read(max(0, length))
            answer = await broker.answer(_KNOWN[key].decode(message))
            if answer is not None:
                body = struct.pack(">i", number) + answer.encode()
                writer.write(struct.pack(">i", len(body)) + body)
                await writer.drain()
    writer.close()


@asynccontextmanager
async def serving(broker: Broker, port: int = 0) -> AsyncIterator[int]:
    """Run a broker; gives its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await _serve(broker, reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    broker.port = broker.port or server.sockets[0].getsockname()[1]
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
