"""The queue before an exporter: bounded, in memory, with batching between it and its consumers."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, Field, model_validator

from penstock.config.types import Duration
from penstock.pipeline.batch import Batch
from penstock.pipeline.component import ComponentConfig
from penstock.pipeline.errors import Refused
from penstock.pipeline.telemetry.tracing import MAX_ORIGINS

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from penstock.pipeline.errors import Answer
    from penstock.pipeline.memory.pace import Backlog


class Sizer(StrEnum):
    """What a size counts: batches as they arrive, their items, or their bytes."""

    REQUESTS = "requests"
    ITEMS = "items"
    BYTES = "bytes"

    def measure(self, batch: Batch) -> int:
        """The size of `batch`."""
        if self is Sizer.REQUESTS:
            return 1
        return len(batch) if self is Sizer.ITEMS else batch.nbytes


class BatchConfig(BaseModel):
    """Batches of the exporter's own, made of what is queued."""

    model_config = ComponentConfig.model_config

    flush_timeout: Duration = Field(default=0.2, gt=0)
    """How long items wait for a batch to fill."""
    min_size: int = Field(default=8192, ge=0)
    """The size from which a batch is sent."""
    max_size: int = Field(default=0, ge=0)
    """The size above which a batch is split; 0 does not split."""
    sizer: Sizer = Sizer.ITEMS
    """What the sizes count: `items` or `bytes`; the queue's `sizer` where that is set."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.sizer is Sizer.REQUESTS:
            msg = "batch needs a sizer of its own, items or bytes, when the queue counts requests"
            raise ValueError(msg)
        if 0 < self.max_size < self.min_size:
            msg = f"max_size ({self.max_size}) must not be less than min_size ({self.min_size})"
            raise ValueError(msg)
        return self


class QueueConfig(BaseModel):
    """The queue between the pipelines and an exporter, one for each signal."""

    model_config = ComponentConfig.model_config

    enabled: bool = True
    """Without a queue, a receiver's sender waits for every delivery."""
    num_consumers: int = Field(default=10, ge=1)
    """How many batches are sent at a time, 4 MiB of them at most, not counting those that have
    waited 50 ms for their answer."""
    queue_size: int = Field(default=1000, ge=1)
    """What the queue holds at most, waiting, being batched and being sent together."""
    sizer: Sizer = Sizer.REQUESTS
    """What `queue_size` counts: `requests`, `items` or `bytes`."""
    block_on_overflow: bool = False
    """Whether a batch waits for room in a full queue; if not, it is refused and its sender may try
    again."""
    wait_for_result: bool = False
    """Whether a sender waits until its batch is delivered or given up."""
    batch: BatchConfig | None = None
    """Merge and split what is queued; `batch: {}` does it with the defaults."""

    @model_validator(mode="before")
    @classmethod
    def _batch_counts_like_the_queue(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        match values:
            case {"sizer": sizer, "batch": {**batch}} if batch and "sizer" not in batch:
                return {**values, "batch": {**batch, "sizer": sizer}}
        return values

    @model_validator(mode="after")
    def _queue_holds_a_batch(self) -> Self:
        batch = self.batch
        if batch and batch.sizer is self.sizer and batch.min_size > self.queue_size:
            msg = (
                f"batch.min_size ({batch.min_size}) must not be greater than "
                f"queue_size ({self.queue_size})"
            )
            raise ValueError(msg)
        return self


class Entry:
    """A batch that the queue answers for, until its last item is delivered or given up."""

    __slots__ = ("answer", "bytes", "items", "origin", "outcome", "size")

    def __init__(
        self,
        batch: Batch,
        size: int,
        outcome: asyncio.Future[Answer] | None,
        origin: SpanContext | None = None,
    ) -> None:
        self.size = size
        self.items = len(batch)
        self.bytes = batch.nbytes
        self.answer: Answer = None
        self.outcome = outcome
        self.origin = origin


class Parcel:
    """What one send carries: items of one entry or of several, in order."""

    __slots__ = ("batch", "shares")

    def __init__(self, batch: Batch, shares: list[tuple[Entry, int]]) -> None:
        self.batch = batch
        self.shares = shares

    @property
    def origins(self) -> list[SpanContext]:
        """Where the traces are of what it carries, those of the first entries."""
        found = (entry.origin for entry, _ in self.shares if entry.origin)
        return list(islice(found, MAX_ORIGINS))

    @classmethod
    def merge(cls, parcels: list[Parcel]) -> Parcel:
        """One parcel of all."""
        if len(parcels) == 1:
            return parcels[0]
        batch = Batch.concat([parcel.batch for parcel in parcels])
        return cls(batch, [share for parcel in parcels for share in parcel.shares])

    def split(self, sizer: Sizer, limit: int) -> list[Parcel]:
        """Parcels within `limit`, which share out this one's entries."""
        limits = {"max_items" if sizer is Sizer.ITEMS else "max_bytes": limit}
        shares = deque(self.shares)
        return [Parcel(piece, _take(shares, len(piece))) for piece in self.batch.split(**limits)]


def _take(shares: deque[tuple[Entry, int]], items: int) -> list[tuple[Entry, int]]:
    taken = []
    while items:
        entry, available = shares.popleft()
        used = min(available, items)
        taken.append((entry, used))
        items -= used
        if used < available:
            shares.appendleft((entry, available - used))
    return taken


class Merger:
    """Gathers parcels until they are a batch, then gives it to `ready`."""

    def __init__(self, config: BatchConfig, ready: asyncio.Queue[Parcel | None]) -> None:
        self._config = config
        self._ready = ready
        self._parcels: list[Parcel] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, parcel: Parcel) -> None:
        """Take a parcel; passes on whatever is complete with it."""
        self._parcels.append(parcel)
        self._size += self._config.sizer.measure(parcel.batch)
        if 0 < self._config.max_size < self._size:
            self._split()
        if self._size >= self._config.min_size:
            self.flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._config.flush_timeout, self.flush)

    def flush(self) -> None:
        """Pass on what is gathered, complete or not."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._parcels:
            self._ready.put_nowait(Parcel.merge(self._parcels))
            self._parcels, self._size = [], 0

    def _split(self) -> None:
        merged = Parcel.merge(self._parcels)
        *full, rest = merged.split(self._config.sizer, self._config.max_size)
        for parcel in full:
            self._ready.put_nowait(parcel)
        self._parcels, self._size = [rest], self._config.sizer.measure(rest.batch)


class SendingQueue:
    """Entries from `put` until `settle`, parcels for the consumers in between."""

    def __init__(self, config: QueueConfig, backlog: Backlog) -> None:
        self.size = 0
        """What counts against `queue_size`, in the sizer's unit."""
        self.items = 0
        """Items that wait, are being batched or are being sent."""
        self._config = config
        self._backlog = backlog
        self._ready: asyncio.Queue[Parcel | None] = asyncio.Queue()
        self._merger = Merger(config.batch, self._ready) if config.batch else None
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()
        self._closed = False

    async def put(
        self, batch: Batch, origin: SpanContext | None = None
    ) -> asyncio.Future[Answer] | None:
        """Take `batch`, at once or, with `block_on_overflow`, when there is room.

        Its trace, if it has one, is at `origin`. Returns its outcome where `wait_for_result` asks
        for it. Raises `Refused` when there is no room, or the queue is closed.
        """
        size = self._config.sizer.measure(batch)
        if self._closed or self._is_full(size) or self._turn.locked():
            await self._wait_for_room(size)
        waited_for = self._config.wait_for_result
        outcome = asyncio.get_running_loop().create_future() if waited_for else None
        self._add(Entry(batch, size, outcome, origin), batch)
        return outcome

    def take_up(self, batch: Batch) -> None:
        """Take what another queue had room for."""
        self._add(Entry(batch, self._config.sizer.measure(batch), None), batch)

    def _add(self, entry: Entry, batch: Batch) -> None:
        self.size += entry.size
        self.items += entry.items
        self._backlog.grow(entry.bytes)
        add = self._merger.add if self._merger else self._ready.put_nowait
        add(Parcel(batch, [(entry, entry.items)]))

    async def get(self) -> Parcel | None:
        """The next parcel to send; `None` for each consumer once the queue is closed and empty."""
        return await self._ready.get()

    def gather(self, max_bytes: int) -> None:
        """Join what waits to parcels of so many bytes: the fewer there are, the less it costs to
        divide each."""
        if self._closed:
            return
        if self._merger:
            self._merger.flush()
        joined = Merger(BatchConfig(min_size=max_bytes, sizer=Sizer.BYTES), self._ready)
        for _ in range(self._ready.qsize()):
            if parcel := self._ready.get_nowait():
                joined.add(parcel)
        joined.flush()

    def settle(self, parcel: Parcel, answer: Answer) -> None:
        """Strike off what `parcel` carried; who waits for an entry is told its first fault."""
        for entry, items in parcel.shares:
            self.items -= items
            entry.items -= items
            entry.answer = entry.answer or answer
            if entry.items == 0:
                self.size -= entry.size
                self._backlog.shrink(entry.bytes)
                if entry.outcome and not entry.outcome.done():
                    entry.outcome.set_result(entry.answer)
        self._room.set()

    def close(self) -> None:
        """Take nothing more, and let the consumers end when they have taken everything."""
        if self._closed:
            return
        self._closed = True
        self._room.set()
        if self._merger:
            self._merger.flush()
        for _ in range(self._config.num_consumers):
            self._ready.put_nowait(None)

    def _is_full(self, size: int) -> bool:
        # An empty queue takes a batch of any size: receivers hand over what arrived together, and
        # no single sender could make that smaller.
        return self.size > 0 and self.size + size > self._config.queue_size

    async def _wait_for_room(self, size: int) -> None:
        if self._config.block_on_overflow:
            async with self._turn:  # first come, first served
                while self._is_full(size) and not self._closed:
                    self._room.clear()
                    await self._room.wait()
        if self._closed:
            msg = "the exporter stops"
            raise Refused(msg)
        if self._is_full(size):
            msg = "sending queue is full"
            raise Refused(msg)
