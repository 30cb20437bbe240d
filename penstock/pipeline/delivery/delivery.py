"""Delivery: queue, batching, retry, time-out and counting, one layer for all exporters.

             SendingQueue                      Sender
consume ──► put ─ Merger ─ get ──► consumer ──► attempt ──► Exporter.send
             │                        │           ▲  │
          Refused                   settle      back-off
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING, Self

from pydantic import Field

from penstock.config.types import Duration
from penstock.pipeline.component import ExporterConfig
from penstock.pipeline.delivery.dead_letters import DeadLetterConfig, DeadLetters
from penstock.pipeline.delivery.metrics import DeliveryMetrics
from penstock.pipeline.delivery.retry import RetryConfig
from penstock.pipeline.delivery.sender import MAX_BYTES_UNDER_WAY, Failure, Sender, Terms
from penstock.pipeline.delivery.sending_queue import QueueConfig, SendingQueue
from penstock.pipeline.errors import Refused
from penstock.pipeline.fanout import Inlet
from penstock.pipeline.telemetry.tracing import fail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.pipeline.batch import Batch, Signal
    from penstock.pipeline.books import Books
    from penstock.pipeline.component import Context, Exporter
    from penstock.pipeline.delivery.sending_queue import Parcel
    from penstock.pipeline.errors import Answer
    from penstock.pipeline.telemetry.registry import Counter, Reading
    from penstock.pipeline.telemetry.tracing import Send, Tracing

_LAST_MOMENT = 1.0
"""Seconds that an abandoned attempt has to end in, such as to close its connection."""


class AttemptsConfig(ExporterConfig):
    """How batches are attempted, with a queue by whatever name."""

    timeout: Duration = Field(default=5.0, gt=0)
    """How long one attempt may take."""
    retry_on_failure: RetryConfig = RetryConfig()
    """When a batch that could not be sent is sent again."""
    dead_letter: DeadLetterConfig | None = None
    """Where to keep what could not be delivered; it is dropped without this section."""

    @property
    @abstractmethod
    def queue(self) -> QueueConfig:
        """What waits to be sent."""

    @property
    def patience(self) -> float | None:
        """Seconds that an attempt may take; `None` if the exporter bounds the parts of each."""
        return self.timeout


class DeliveryConfig(AttemptsConfig):
    """What every exporter over a network has, under the Collector's names and defaults."""

    sending_queue: QueueConfig = QueueConfig()
    """What waits to be sent."""

    @property
    def queue(self) -> QueueConfig:
        """What waits to be sent."""
        return self.sending_queue

    def waited_for(self) -> Self:
        """The same without queue and dead letters."""
        return self.model_copy(
            update={"sending_queue": QueueConfig(enabled=False), "dead_letter": None}
        )


class Delivery:
    """Answers for one exporter's batches of one signal, from `consume` until each item's end.

    An exporter without queue (`sending_queue.enabled: false`, or settings that are no
    `AttemptsConfig`) is sent to while the caller waits, and the caller is told the outcome.
    """

    def __init__(
        self, exporter: Exporter, config: ExporterConfig, context: Context, signal: Signal
    ) -> None:
        plan = config if isinstance(config, AttemptsConfig) else None
        self.signal = signal
        self.exporter = context.id
        self._context = context
        self._plan = plan.queue if plan and plan.queue.enabled else None
        kept = plan.dead_letter if plan else None
        self._letters = DeadLetters(kept, context, signal) if kept else None
        self._sender = Sender(exporter, self._terms(plan), context, signal)
        self._backlog = context.pace.backlog() if self._plan else None
        self._queue = None
        if self._plan and self._backlog:
            self._queue = SendingQueue(self._plan, self._backlog)
        self._tracing = context.tracing
        self._left: list[Batch] = []
        self._taken_up = 0
        self._waiting = 0
        self._in_flight = 0
        self._stopping = False
        self._drained = asyncio.Event()
        self._metrics = DeliveryMetrics(context.telemetry, context.id, signal)
        self._metrics.show_work(lambda: self.queued, lambda: self._in_flight)
        if self._queue and self._plan:
            queue, capacity = self._queue, self._plan.queue_size
            self._metrics.show_queue(lambda: queue.size, capacity)
        self._made = self._metrics.show_batches() if self._plan and self._plan.batch else None
        may_wait = not self._plan or self._plan.block_on_overflow or self._plan.wait_for_result
        self.inlet = Inlet(f"exporter {context.id} {signal}", self.consume, may_wait, self.taken)

    def _terms(self, plan: AttemptsConfig | None) -> Terms:
        if plan is None:
            return Terms()
        forgets = plan.queue.enabled and not plan.queue.wait_for_result
        return Terms(plan.patience, plan.retry_on_failure, self._letters, forgets)

    @property
    def queued(self) -> int:
        """Items not yet sent or given up: waiting, being batched or being sent."""
        return self._queue.items if self._queue else self._waiting

    def taken(self) -> int:
        """Items that are the exporter's to deliver, since their `consume` returned."""
        return self._metrics.enqueued.value - self._metrics.returned.value

    @property
    def undelivered(self) -> int:
        """Items that were given up, or are left, because the service stopped."""
        return self._sender.failed[Failure.SHUTDOWN].value + self.queued

    def open_account(self, books: Books) -> None:
        """Hold the delivery to account for every item."""
        went: dict[str, Reading] = {
            **self.ends,
            "queued": lambda: self.queued,
            "left": self._leaves,
        }
        books.open(self.inlet.name, {"enqueued": self._metrics.enqueued}, went)

    @property
    def ways_in(self) -> dict[str, Counter]:
        """What was taken, and what of it was given back to who waited."""
        return {"enqueued": self._metrics.enqueued, "returned": self._metrics.returned}

    @property
    def ends(self) -> dict[str, Counter]:
        """What counts the items whose end has come, by that end."""
        failed = {f"failed ({reason})": count for reason, count in self._sender.failed.items()}
        return {"sent": self._sender.sent, **failed}

    async def start(self) -> None:
        """Begin to send what is queued. Raises `StartError`."""
        if self._letters:
            await self._letters.start()
        if self._plan and self._queue:
            for number in range(self._plan.num_consumers):
                self._context.tasks.create_task(
                    self._send_queued(self._queue), name=f"{self._context.id} consumer {number}"
                )

    async def consume(self, batch: Batch) -> None:
        """Take a batch. Raises `Refused` when it cannot.

        Without queue, or with `wait_for_result`, also raises `Refused` or `Invalid` for a batch
        that was not delivered.
        """
        if self._stopping:
            msg = f"exporter {self._context.id} stops"
            raise Refused(msg)
        items = len(batch)
        if not items:
            return
        outcome = await self._put(self._queue, batch) if self._queue else self._send(batch)
        self._metrics.enqueued.add(items)
        if outcome is None:
            return
        try:
            answer = await outcome
        except asyncio.CancelledError:
            self._metrics.returned.add(items)
            raise
        if answer:
            self._metrics.returned.add(items)
            raise answer

    @property
    def rerouted(self) -> Counter:
        """What counts the items that went another way."""
        return self._metrics.rerouted()

    def redirect(self, send: Send) -> None:
        """Let `send` have everything that is not on its way by now."""
        self._sender.redirect(send, self.rerouted)
        if self._queue:
            self._queue.gather(MAX_BYTES_UNDER_WAY)

    async def end(self) -> None:
        """Return when nothing is left, in a delivery that is given nothing more."""
        await self._drains(None)
        self._stopping = True
        self._metrics.end()
        if self._queue and self._backlog:
            self._queue.close()
            self._context.pace.forget(self._backlog)

    @property
    def can_leave(self) -> bool:
        """Whether what it holds may be delivered by another as well: nobody waits for the end."""
        return self._queue is not None and bool(self._plan and not self._plan.wait_for_result)

    def leave(self) -> list[Batch]:
        """Attempt no more than is under way; what that does not deliver comes into the list."""
        self._sender.leave(self._left)
        return self._left

    def take_up(self, batches: Iterable[Batch]) -> None:
        """Take what another delivery has left."""
        assert self._queue
        for batch in batches:
            self._queue.take_up(batch)
            self._metrics.enqueued.add(len(batch))
            self._taken_up += len(batch)

    def taken_up(self) -> int:
        """Items that another delivery had left."""
        return self._taken_up

    def _leaves(self) -> int:
        return sum(map(len, self._left))

    async def stop(self, deadline: float) -> None:
        """Refuse what comes, and give everything queued one last attempt.

        What is left at `deadline`, in the event loop's time, has failed by `shutdown`.
        """
        self._stopping = True
        self._sender.hurry()
        if self._queue:
            self._queue.close()
        if not await self._drains(deadline):
            self.abandon()
            await self._drains(asyncio.get_running_loop().time() + _LAST_MOMENT)

    def abandon(self) -> None:
        """End every attempt now."""
        self._sender.abandon()

    async def _drains(self, deadline: float | None) -> bool:
        try:
            async with asyncio.timeout_at(deadline):
                while self.queued:
                    self._drained.clear()
                    await self._drained.wait()
        except TimeoutError:
            return False
        return True

    async def _put(self, queue: SendingQueue, batch: Batch) -> asyncio.Future[Answer] | None:
        try:
            outcome = await queue.put(batch, self._tracing.here() if self._tracing else None)
        except Refused as refusal:
            self._metrics.enqueue_failed.add(len(batch))
            self._context.status.recoverable(refusal)
            raise
        self._metrics.took(batch)
        return outcome

    async def _send_queued(self, queue: SendingQueue) -> None:
        while parcel := await queue.get():
            await self._send_parcel(queue, parcel)
            del parcel  # or each consumer would keep the last one while it waits for the next

    async def _send_parcel(self, queue: SendingQueue, parcel: Parcel) -> None:
        answer: Answer = Refused("the service stopped")
        try:
            if self._made:
                self._made(parcel.batch)
            answer = await self._deliver(parcel.batch, parcel)
        finally:
            queue.settle(parcel, answer)
            self._drained.set()

    async def _send(self, batch: Batch) -> Answer:
        self._waiting += len(batch)
        try:
            return await self._deliver(batch)
        finally:
            self._waiting -= len(batch)
            self._drained.set()

    async def _deliver(self, batch: Batch, parcel: Parcel | None = None) -> Answer:
        self._in_flight += 1
        try:
            if self._tracing is None:
                return await self._sender.send(batch)
            return await self._deliver_traced(self._tracing, batch, parcel)
        finally:
            self._in_flight -= 1

    async def _deliver_traced(
        self, tracing: Tracing, batch: Batch, parcel: Parcel | None
    ) -> Answer:
        name = f"exporter/{self.exporter}/{self.signal}"
        origins = parcel.origins if parcel else ()
        labels = {"exporter": self.exporter, "data_type": self.signal}
        with tracing.span(name, len(batch), origins, **labels) as span:
            answer = await self._sender.send(batch)
            if answer:
                fail(span, answer)
            return answer
