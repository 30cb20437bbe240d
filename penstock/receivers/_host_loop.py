"""A scraper's life: called on time in a thread of its own, and what it tells is passed on."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from penstock.pipeline.faults import FaultLog
from penstock.pipeline.telemetry.registry import Level
from penstock.pipeline.worker import Worker
from penstock.receivers._host_scraper import Problem, batch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.pipeline import Batch, Context
    from penstock.receivers._host_scraper import Scraper


class Outcome(StrEnum):
    """What became of a scrape."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class Told(NamedTuple):
    """What a scrape brought, and what it could not read."""

    batch: Batch | None
    problems: list[Problem]


class Loop:
    """Scrapes one side of the host every so many seconds. While a scrape is not done, or what it
    brought has not been taken, there is no other."""

    def __init__(
        self,
        name: str,
        scraper: Scraper,
        context: Context,
        keep: Callable[[Batch, Callable[[], None]], None],
    ) -> None:
        self._name = name
        self._scraper = scraper
        self._keep = keep
        self._tasks = context.tasks
        self._faults = FaultLog(context.logger)
        self._worker = Worker(f"{context.id} {name}")
        self._free = True
        self._known: Mapping[str, str] = {}
        """What the last scrape could not read: it has been logged."""
        self._running: list[asyncio.Task[None]] = []
        self._count(context)

    def start(self, delay: float, interval: float) -> None:
        """Scrape from now on."""
        self._worker.start()
        self._running.append(self._tasks.create_task(self._run(delay, interval)))

    async def stop(self) -> None:
        """Scrape no more. A scrape that is under way brings nothing."""
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        if running:
            self._worker.end()
            await asyncio.wait(running)

    async def _run(self, delay: float, interval: float) -> None:
        await asyncio.sleep(delay)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self._worker.busy:
                self._skip("the last one is not done")
            elif not self._free:
                self._skip("what the last one brought has not been taken")
            else:
                self._running[1:] = [self._tasks.create_task(self._scrape())]
            due = max(due + interval, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _scrape(self) -> None:
        outcome = await self._worker.call(self._tell)
        told = outcome.value
        if outcome.error is not None:
            told = Told(None, [Problem("cannot scrape", repr(outcome.error))])
        self._note(told)
        if told.batch is not None:
            self._free = False
            self._keep(told.batch, self._release)

    def _tell(self) -> Told:
        problems: list[Problem] = []
        batch = batch_of(self._name, self._scraper.table, self._scraper.scrape(problems))
        return Told(batch, problems)

    def _release(self) -> None:
        self._free = True

    def _note(self, told: Told) -> None:
        failed = Outcome.FAILED if told.batch is None else Outcome.PARTIAL
        self._scrapes[failed if told.problems else Outcome.SUCCESS].add(1)
        self._errors.add(len(told.problems))
        kinds = dict(reversed(told.problems))
        for what, cause in kinds.items():
            if what not in self._known:
                self._faults.report(f"Scraper {self._name}: {what}", 0, cause)
        self._known = kinds

    def _skip(self, why: str) -> None:
        self._scrapes[Outcome.SKIPPED].add(1)
        self._faults.report(f"Scraper {self._name}: skipped a scrape", 0, why)

    def _count(self, context: Context) -> None:
        counter = context.telemetry.counter
        self._scrapes = {
            outcome: counter(
                "penstock_receiver_scrapes",
                "Scrapes, by what became of them.",
                "{scrape}",
                receiver=context.id,
                outcome=outcome,
            )
            for outcome in Outcome
        }
        self._errors = counter(
            "penstock_receiver_scrape_errors",
            "Things that scrapers of a host could not read.",
            "{error}",
            Level.BASIC,
            receiver=context.id,
            scraper=self._name,
        )
