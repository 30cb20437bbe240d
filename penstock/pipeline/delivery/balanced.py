"""The deliveries of a balancer: one for each endpoint, and others when endpoints come or go.

Of what waits then, some items have another endpoint than before. So a new set of deliveries takes
over, and gets from the last one whatever is not on its way: an item goes where its key goes now,
and nothing of one that has left is lost.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from penstock.pipeline.batch import Batch
from penstock.pipeline.delivery.delivery import AttemptsConfig, Delivery
from penstock.pipeline.delivery.sender import Failure
from penstock.pipeline.errors import Refused, Retryable, StartError
from penstock.pipeline.fanout import FanOut, Inlet, offer
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.status import Status, WatchedState, summary
from penstock.pipeline.telemetry.registry import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.pipeline.balancer import Balancer, Shares
    from penstock.pipeline.batch import Signal
    from penstock.pipeline.books import Books
    from penstock.pipeline.component import Context, Exporter
    from penstock.pipeline.fanout import Part
    from penstock.pipeline.telemetry.registry import Counter, Reading


@dataclass(eq=False, slots=True)
class _Branch:
    """What goes to one endpoint."""

    exporter: Exporter
    delivery: Delivery
    state: WatchedState


@dataclass(eq=False, slots=True)
class _Set:
    """The deliveries for one list of endpoints."""

    shares: Shares
    branches: dict[str, _Branch]
    exit: FanOut
    _offers: int = 0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def parts(self, batch: Batch) -> Iterator[list[Part]]:
        """The part of each endpoint that has one, to be offered within the context."""
        self._offers += 1
        try:
            split = self.shares.split(batch)
            yield [(self.branches[name].delivery.inlet, part) for name, part in split.items()]
        finally:
            self._offers -= 1
            self._settled.set()

    async def settled(self) -> None:
        """Return when nothing is being offered."""
        while self._offers:
            self._settled.clear()
            await self._settled.wait()


class Balanced:
    """Answers for a balancer's batches of one signal, as a delivery does for an exporter's."""

    def __init__(self, balancer: Balancer, context: Context, signal: Signal) -> None:
        self.signal = signal
        self.exporter = context.id
        self._balancer = balancer
        self._context = context
        self._set: _Set | None = None
        self._last: set[_Set] = set()
        self._turn = asyncio.Lock()
        self._stopping = False
        self._faults = FaultLog(context.logger)
        self._counters: defaultdict[str, set[Counter]] = defaultdict(set)
        self._taken = context.telemetry.counter(
            "penstock_exporter_balanced_items",
            "Items taken for delivery to one of several endpoints.",
            "{item}",
            Level.NORMAL,
            exporter=context.id,
            data_type=signal,
        )
        self.inlet = Inlet(self._place, self.consume, self._may_wait, self._taken)

    @property
    def _place(self) -> str:
        return f"exporter {self._context.id} {self.signal}"

    @property
    def _may_wait(self) -> bool:
        plan = self._balancer.plan
        queue = plan.queue if isinstance(plan, AttemptsConfig) else None
        return not queue or not queue.enabled or queue.block_on_overflow or queue.wait_for_result

    @property
    def queued(self) -> int:
        """Items not yet sent or given up."""
        return sum(branch.delivery.queued for branch in self._branches())

    @property
    def undelivered(self) -> int:
        """Items that were given up, or are left, because the service stopped."""
        return int(self._sum("failed (shutdown)")) + self.queued

    def open_account(self, books: Books) -> None:
        """Hold all deliveries together to account for every item."""
        came, went = ("enqueued",), ("sent", "rerouted", "queued")
        failed = [f"failed ({reason})" for reason in Failure]
        total: dict[str, Reading] = {
            name: partial(self._sum, name) for name in (*came, *went, *failed)
        }
        total["queued"] = lambda: self.queued
        books.open(
            f"to the endpoints of {self._place}",
            {name: total[name] for name in came},
            {name: total[name] for name in (*went, *failed)},
        )
        books.open(
            self._place,
            {"taken": self._taken, "rerouted": total["rerouted"]},
            {"to endpoints": self._went_in, "lost": partial(self._sum, "lost")},
        )

    async def start(self) -> None:
        """Begin to send to the endpoints that are known. Raises `StartError`."""
        await self._follow()
        self._balancer.follow(self._note_change)

    async def consume(self, batch: Batch) -> None:
        """Take a batch. Raises `Refused` or `Invalid` when no endpoint's delivery takes its part.

        What one of them refuses while another takes its part is lost there, as at every fan-out.
        """
        now = self._set
        if now is None or self._stopping:
            why = "stops" if self._stopping else "knows no endpoint yet"
            msg = f"exporter {self._context.id} {why}"
            raise Refused(msg)
        with now.parts(batch) as parts:
            if parts:
                await now.exit.offer(parts)
        self._taken.add(len(batch))

    async def stop(self, deadline: float) -> None:
        """Refuse what comes, and give everything queued one last attempt, until `deadline`."""
        self._stopping = True
        clock = asyncio.get_running_loop().time
        half = clock() + max(0.0, deadline - clock()) / 2
        await _stop((branch for last in self._last for branch in last.branches.values()), half)
        await _stop(self._set.branches.values() if self._set else (), deadline)
        for exporter in self._exporters():
            await exporter.stop()

    def abandon(self) -> None:
        """End every attempt now."""
        for branch in self._branches():
            branch.delivery.abandon()

    def _note_change(self) -> None:
        self._context.tasks.create_task(self._change())

    async def _change(self) -> None:
        try:
            await self._follow()
        except StartError as error:
            self._context.status.recoverable(error)
            self._faults.report("Endpoints stay as they were", 0, error)

    async def _follow(self) -> None:
        async with self._turn:
            shares, last = self._balancer.shares, self._set
            if shares is None or self._stopping or (last and last.shares is shares):
                return
            made = await self._made(shares)
            if self._stopping:
                await self._end(made)
                return
            self._set = made
            self._show()
            if last:
                self._give_up(last)

    def _give_up(self, last: _Set) -> None:
        self._last.add(last)
        for branch in last.branches.values():
            branch.delivery.redirect(self._route_anew)
        self._context.tasks.create_task(self._end(last))

    async def _made(self, shares: Shares) -> _Set:
        branches = {name: self._branch(name) for name in shares.endpoints}
        inlets = [branch.delivery.inlet for branch in branches.values()]
        exit_ = FanOut(self._place, inlets, self._context.telemetry, self._context.logger)
        for branch in branches.values():
            self._count(branch.delivery, exit_)
        made = _Set(shares, branches, exit_)
        try:
            await self._start(branches.values())
        except StartError:
            await self._end(made)
            raise
        return made

    def _branch(self, endpoint: str) -> _Branch:
        state = WatchedState(self._show)
        context = replace(self._context, id=self._balancer.id_of(endpoint), status=state)
        known = self._set.branches.get(endpoint) if self._set else None
        exporter = known.exporter if known else self._balancer.exporter(endpoint, context)
        delivery = Delivery(exporter, self._balancer.plan, context, self.signal)
        return _Branch(exporter, delivery, state)

    async def _start(self, branches: Iterable[_Branch]) -> None:
        running = self._exporters()
        for branch in branches:
            if branch.exporter not in running:
                await branch.exporter.start()
            await branch.delivery.start()

    async def _end(self, last: _Set) -> None:
        """Wait until nothing is left in it; connections stay with endpoints that stay."""
        await last.settled()
        for branch in last.branches.values():
            await branch.delivery.end()
        self._last.discard(last)
        for exporter in {branch.exporter for branch in last.branches.values()} - self._exporters():
            await exporter.stop()

    async def _route_anew(self, batch: Batch) -> None:
        """What the deliveries of before do with a batch, now."""
        now = self._set
        assert now
        with now.parts(batch) as parts:
            answers = await offer(parts)
        left = [
            (part, answer)
            for (_, part), answer in zip(parts, answers, strict=True)
            if isinstance(answer, Refused)  # who finds a batch invalid has counted it
        ]
        if left:
            remaining = Batch.concat([part for part, _ in left])
            _, refusal = left[0]
            raise Retryable(str(refusal), remaining=remaining)

    def _exporters(self) -> set[Exporter]:
        return {branch.exporter for branch in self._branches()}

    def _branches(self) -> Iterator[_Branch]:
        for each in (*self._last, *((self._set,) if self._set else ())):
            yield from each.branches.values()

    def _count(self, delivery: Delivery, exit_: FanOut) -> None:
        counters = {**delivery.ways_in, **delivery.ends, "rerouted": delivery.rerouted}
        for name, counter in counters.items():
            self._counters[name].add(counter)
        self._counters["lost"].update(exit_.losses)

    def _sum(self, name: str) -> float:
        return sum(counter.value for counter in self._counters[name])

    def _went_in(self) -> float:
        return self._sum("enqueued") - self._sum("returned")

    def _show(self) -> None:
        """Be as well as the endpoint that is worst."""
        if self._set is None:
            return
        status = self._context.status
        worst = summary(branch.state.report for branch in self._set.branches.values())
        tell = {
            Status.RECOVERABLE_ERROR: status.recoverable,
            Status.PERMANENT_ERROR: status.permanent,
        }.get(worst.status)
        tell(worst.error or "") if tell else status.ok()


async def _stop(branches: Iterable[_Branch], deadline: float) -> None:
    async with asyncio.TaskGroup() as group:
        for branch in branches:
            group.create_task(branch.delivery.stop(deadline))
