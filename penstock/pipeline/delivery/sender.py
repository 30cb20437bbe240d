"""From a batch to its end: attempts, the waits between them, and what became of every item."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from penstock.pipeline.delivery.retry import MAX_THROTTLE, Backoff, RetryConfig
from penstock.pipeline.delivery.room import Room
from penstock.pipeline.errors import Invalid, Refused, Retryable
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.insist import pause

if TYPE_CHECKING:
    from penstock.pipeline.batch import Batch, Signal
    from penstock.pipeline.component import Context, Exporter, Rejected
    from penstock.pipeline.delivery.dead_letters import DeadLetters
    from penstock.pipeline.errors import Answer
    from penstock.pipeline.telemetry.registry import Counter
    from penstock.pipeline.telemetry.tracing import Send


class Failure(StrEnum):
    """Why items were not delivered."""

    PERMANENT = "permanent"
    RETRIES_EXHAUSTED = "retries_exhausted"
    PARTIAL = "partial"
    SHUTDOWN = "shutdown"


_MEANING = {
    Failure.PERMANENT: "Not delivered, since no other attempt would succeed",
    Failure.RETRIES_EXHAUSTED: "Not delivered, since no attempt succeeded in time",
    Failure.PARTIAL: "Rejected by the back end, which took the rest of the batch",
    Failure.SHUTDOWN: "Not delivered, since the service stops",
}


MAX_BYTES_UNDER_WAY = 4 * 1024 * 1024
"""Bytes of batches that are attempted at a time. A client library keeps two copies of what it
sends: ten consumers with large batches would hold as much memory again as all else, and send no
faster."""

HANDED_OVER = 0.05
"""Seconds after which an attempt no longer counts as one of those: its bytes are on their way, and
to wait for the answer of a back end far away must not keep the others from being sent."""


class Terms(NamedTuple):
    """How batches are attempted, and what becomes of those that fail.

    `timeout` bounds an attempt, in seconds; `None` does not. `letters` keep what failed, but not
    what might succeed another time unless whoever sent it `forgets` it once it is taken.
    """

    timeout: float | None = None
    retry: RetryConfig = RetryConfig(enabled=False)
    letters: DeadLetters | None = None
    forgets: bool = False


class _Way(NamedTuple):
    """Where an attempt goes, what counts those that succeed, and how long each may take."""

    send: Send
    sent: Counter
    timeout: float | None


class Sender:
    """Sends one exporter's batches of one signal, and counts every item as sent or failed."""

    def __init__(self, exporter: Exporter, terms: Terms, context: Context, signal: Signal) -> None:
        self._exporter = exporter
        self._terms = terms
        self._faults = FaultLog(context.logger)
        self._status = context.status
        self._room = Room(MAX_BYTES_UNDER_WAY, HANDED_OVER)
        self._attempts: set[asyncio.Timeout] = set()
        self._roused = asyncio.Event()
        self._hurried = False
        self._abandoned = False
        self._left: list[Batch] | None = None
        counter, items = context.telemetry.counter, signal.items
        self.sent = counter(
            f"otelcol_exporter_sent_{items}", "Items delivered.", signal.unit, exporter=context.id
        )
        self.failed = {
            reason: counter(
                f"otelcol_exporter_send_failed_{items}",
                "Items that could not be delivered, by reason.",
                signal.unit,
                exporter=context.id,
                reason=reason,
            )
            for reason in Failure
        }
        send: Send = exporter.send
        if context.tracing:
            name = f"exporter/{context.id}/{signal}/attempt"
            send = context.tracing.around_attempt(send, name)
        self._way = _Way(send, self.sent, terms.timeout)

    def redirect(self, send: Send, sent: Counter) -> None:
        """Let `send` have all that is not under way by now, however long it takes, and count there
        what it took. What waits between two attempts is given to it at once."""
        self._way = _Way(send, sent, None)
        roused, self._roused = self._roused, asyncio.Event()
        roused.set()
        if self._hurried:
            self._roused.set()

    def hurry(self) -> None:
        """Wait no more: what waits gets its last attempt now, and what comes gets one."""
        self._hurried = True
        self._roused.set()

    def leave(self, left: list[Batch]) -> None:
        """Begin no more attempts; what those under way do not deliver comes into a list."""
        self._left = left
        self._abandoned = True
        self.hurry()

    def abandon(self) -> None:
        """Attempt no more: those under way end now, and every other batch ends without."""
        self._abandoned = True
        self.hurry()
        for attempt in [attempt for attempt in self._attempts if not attempt.expired()]:
            attempt.reschedule(0.0)

    async def send(self, batch: Batch) -> Answer:
        """Attempt until delivered or given up; never raises what `Answer` says."""
        clock = asyncio.get_running_loop().time
        backoff = Backoff(self._terms.retry, clock())
        wait = 0.0
        while True:
            way = self._way
            try:
                if wait:
                    await pause(self._roused, wait)
                    way = self._way
                await self._deliver(way, len(batch), await self._attempt(way, batch))
            except Retryable as fault:
                self._status.recoverable(fault)
                batch = await self._remaining(way, batch, fault)
                delay = backoff.pause(clock(), fault.after)
                if way is not self._way:
                    wait = 0.0
                    continue
                if self._hurried:
                    return await self._give_up(batch, Failure.SHUTDOWN, fault)
                if delay is None:
                    return await self._give_up(batch, Failure.RETRIES_EXHAUSTED, fault)
                wait = delay
                self._faults.report("An attempt failed and will be repeated", len(batch), fault)
            except asyncio.CancelledError:
                self._count(len(batch), Failure.SHUTDOWN, "the attempt was cancelled")
                raise
            except Exception as fault:  # noqa: BLE001  (an exporter's bug costs a batch)
                self._status.permanent(fault)
                return await self._give_up(batch, Failure.PERMANENT, fault)
            else:
                self._report_success()
                return None

    def _report_success(self) -> None:
        if trouble := self._exporter.trouble:
            self._status.recoverable(trouble)
        else:
            self._status.ok()

    async def _attempt(self, way: _Way, batch: Batch) -> Rejected | None:
        async with self._room.for_(batch.nbytes):
            if self._abandoned:
                msg = "no time is left for an attempt"
                raise Retryable(msg)
            try:
                return await self._send_in_time(way, batch)
            except TimeoutError as error:
                limit = f" (timeout {way.timeout:g}s)" if way.timeout else ""
                msg = f"no answer in time{limit}"
                raise Retryable(msg) from error

    async def _send_in_time(self, way: _Way, batch: Batch) -> Rejected | None:
        async with asyncio.timeout(way.timeout) as attempt:
            self._attempts.add(attempt)
            try:
                return await way.send(batch)
            finally:
                self._attempts.discard(attempt)

    async def _deliver(self, way: _Way, items: int, rejected: Rejected | None) -> None:
        lost = min(rejected.items, items) if rejected else 0
        way.sent.add(items - lost)
        if rejected and rejected.items:
            self._count(lost, Failure.PARTIAL, rejected.reason)
            await self._keep(rejected.batch, Failure.PARTIAL, rejected.reason)
        elif rejected:
            self._faults.report("The back end took all and warns", items, rejected.reason)

    async def _remaining(self, way: _Way, batch: Batch, fault: Retryable) -> Batch:
        if fault.remaining is None:
            return batch
        await self._deliver(way, len(batch) - len(fault.remaining), fault.rejected)
        return fault.remaining

    async def _give_up(self, batch: Batch, reason: Failure, fault: Exception) -> Refused | Invalid:
        if self._left is not None and reason is Failure.SHUTDOWN:
            self._left.append(batch)
            return Refused(str(fault))
        self._count(len(batch), reason, fault)
        if self._terms.forgets or reason is Failure.PERMANENT:
            await self._keep(batch, reason, fault)
        if reason is Failure.PERMANENT:
            return Invalid(str(fault))
        after = fault.after if isinstance(fault, Retryable) else None
        return Refused(str(fault), min(after, MAX_THROTTLE)) if after else Refused(str(fault))

    async def _keep(self, batch: Batch | None, reason: Failure, fault: Exception | str) -> None:
        if self._terms.letters and batch:
            await self._terms.letters.keep(batch, reason, fault)

    def _count(self, items: int, reason: Failure, fault: Exception | str) -> None:
        self.failed[reason].add(items)
        self._faults.report(_MEANING[reason], items, fault)
