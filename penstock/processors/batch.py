"""Merge small batches into larger ones, so that exporters send fewer requests."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from penstock.config.types import Duration
from penstock.pipeline import Batch, ProcessorConfig, Refused
from penstock.pipeline.offering import Offering
from penstock.pipeline.telemetry.registry import BATCH_BYTES, BATCH_ITEMS, Level

if TYPE_CHECKING:
    from penstock.pipeline import Context


class Config(ProcessorConfig):
    """Options of the Collector's `batch` processor."""

    send_batch_size: int = Field(default=8192, ge=0)
    """Items from which a batch is passed on without waiting; 0 passes on at once."""
    timeout: Duration = 0.2
    """How long items wait for a batch to fill; 0 passes on at once."""
    send_batch_max_size: int = Field(default=0, ge=0)
    """Items above which a batch is split; 0 does not split."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if 0 < self.send_batch_max_size < self.send_batch_size:
            msg = (
                f"send_batch_max_size ({self.send_batch_max_size}) must not be less than "
                f"send_batch_size ({self.send_batch_size})"
            )
            raise ValueError(msg)
        return self

    def build(self, context: Context) -> Batcher:
        """The processor."""
        return Batcher(self, context)


class Batcher(Offering):
    """Holds batches until there are enough items, or the oldest has waited long enough.

    Nothing is dropped when the next stage refuses: what is held is offered again after the time
    that it asked for, and until then senders are refused too. While an offer is under way, batches
    are taken until twice a batch's size waits behind it.
    """

    may_wait = False

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__(context)
        self._size = config.send_batch_size if config.timeout else 0
        self._max_size = config.send_batch_max_size
        self._bound = 2 * max(config.send_batch_size, config.send_batch_max_size, 1)
        self._timeout = config.timeout
        self._waiting: list[Batch] = []
        self._items = 0
        self._offered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: Refused | None = None
        self._count()

    @property
    def held(self) -> int:
        """Items that wait, or are being offered to the next stage."""
        return self._items + self._offered

    async def consume(self, batch: Batch) -> None:
        """Hold `batch`. Raises `Refused` while the next stage refuses, or is behind."""
        if self._refusal or self._stopping or (self._offered and self._items >= self._bound):
            raise self._refused()
        self._waiting.append(batch)
        self._items += len(batch)
        if self._items >= self._size:
            self._due.set()
        elif self._timer is None:
            self._set_timer()

    async def _run(self) -> None:
        while self._waiting or not self._stopping:
            await self._due.wait()
            self._due.clear()
            if self._waiting:
                await self._offer_all(deque(self._take()))

    async def _offer_all(self, batches: deque[Batch]) -> None:
        self._offered = sum(map(len, batches))
        while batches:
            batch = batches.popleft()
            if await self._offer(batch):
                self._sizes.record(len(batch))
                self._bytes.record(batch.nbytes)
            self._refusal = None
            self._offered -= len(batch)

    def _take(self) -> list[Batch]:
        """What is to be passed on now; the rest waits for more."""
        full = self._items >= self._size
        (self._sent_full if full else self._sent_late).add(1)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        batch = Batch.concat(self._waiting)
        self._waiting, self._items = [], 0
        if not 0 < self._max_size < len(batch):
            return [batch]
        *batches, rest = batch.split(max_items=self._max_size)
        if len(rest) >= self._size or not full or self._stopping:
            return [*batches, rest]
        self._waiting, self._items = [rest], len(rest)
        self._set_timer()
        return batches

    def _note_refusal(self, refusal: Refused) -> None:
        self._refusal = refusal

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._timeout, self._due.set)

    def _refused(self) -> Refused:
        if self._refusal:
            return Refused(f"the next stage refuses: {self._refusal}", self._refusal.retry_after)
        return Refused("the service stops" if self._stopping else "the next stage is behind")

    def _count(self) -> None:
        telemetry = self._context.telemetry
        name = "otelcol_processor_batch_"
        labels = {"processor": self._context.id, "pipeline": self._context.pipeline or ""}
        self._sent_full = telemetry.counter(
            name + "batch_size_trigger_send",
            "Batches sent because they were full.",
            "{time}",
            Level.NORMAL,
            **labels,
        )
        self._sent_late = telemetry.counter(
            name + "timeout_trigger_send",
            "Batches sent because of the timeout.",
            "{time}",
            Level.NORMAL,
            **labels,
        )
        self._sizes = telemetry.histogram(
            name + "batch_send_size",
            "Items in batches sent.",
            "{item}",
            BATCH_ITEMS,
            Level.NORMAL,
            **labels,
        )
        self._bytes = telemetry.histogram(
            name + "batch_send_size_bytes", "Bytes of batches sent.", "By", BATCH_BYTES, **labels
        )
