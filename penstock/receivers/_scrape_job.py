"""A job: finds its targets, and scrapes each of them in a task of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock.pipeline.faults import FaultLog
from penstock.pipeline.telemetry.registry import Level
from penstock.receivers._scrape_fetch import Exposition, Outcome, Room, ScrapeError, accept, fetch
from penstock.receivers._scrape_loop import Loop
from penstock.receivers._scrape_samples import Reader, Scraped
from penstock.receivers._scrape_target import Target, targets_of
from penstock.receivers._targets import Discovery, Files, Static, Url
from penstock.receivers._targets_kubernetes import Kubernetes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import aiohttp

    from penstock.pipeline import Batch, Context
    from penstock.receivers._scrape_options import Global, ScrapeConfig
    from penstock.receivers._targets import Found

_SETTLING = 0.5
"""Seconds between two looks at what was found: service discovery tells of changes one by one."""


class Job:
    """`keep` takes a batch over, and calls back when the next stage has it."""

    def __init__(
        self,
        config: ScrapeConfig,
        common: Global,
        context: Context,
        keep: Callable[[Batch, Callable[[], None]], None],
        room: Room,
    ) -> None:
        self.config = config
        self.reader = Reader(config, common)
        self.keep = keep
        self.room = room
        self._context = context
        self._faults = FaultLog(context.logger)
        self._discoveries: list[Discovery] = []
        self._found: dict[Discovery, Found] = {}
        self._changed = asyncio.Event()
        self._loops: dict[object, tuple[Loop, asyncio.Task[None]]] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._too_many = ""
        self._count()

    async def start(self) -> None:
        """Find targets from now on. Raises `StartError`."""
        self.config.check(self._context.id)
        self._session = self.config.session(self._context.id)
        self._discoveries = list(self._discovered())
        for discovery in self._discoveries:
            await discovery.open()
            self._tasks.append(self._context.tasks.create_task(self._discover(discovery)))
        self._tasks.append(self._context.tasks.create_task(self._follow()))

    async def stop(self) -> None:
        """Scrape no more. What was scraped is passed on by whoever keeps it."""
        tasks = [*self._tasks, *(task for _, task in self._loops.values()), *self._retiring]
        self._tasks, self._loops = [], {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        while self._discoveries:
            await self._discoveries.pop().close()
        session, self._session = self._session, None
        if session:
            await session.close()

    async def fetch(self, target: Target, take: Callable[[int], None]) -> Exposition:
        """Ask a target; `take` is told of each byte that came. Raises `ScrapeError`."""
        assert self._session is not None, "fetch before start"
        if self._too_many:
            raise ScrapeError(Outcome.TARGET_LIMIT, self._too_many)
        headers = {
            "Accept": accept(self.config.protocols),
            "Accept-Encoding": "gzip" if self.config.enable_compression else "identity",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout:g}",
        }
        try:
            headers |= await self.config.credentials_now()
        except (OSError, UnicodeDecodeError) as error:
            raise ScrapeError(Outcome.CREDENTIALS, f"cannot read credentials: {error}") from error
        return await fetch(self._session, self.config, target.url, headers, take)

    def succeeded(self, samples: Scraped) -> None:
        """Count a scrape."""
        self._scrapes[Outcome.SUCCESS].add(1)
        for reason, dropped in samples.dropped.items():
            self._dropped[reason].add(dropped)
            if dropped:
                cause = f"job {self.config.job_name}: {_DROPPED[reason]}"
                self._faults.report(f"Dropped samples ({reason})", dropped, cause)

    def failed(self, target: Target, error: ScrapeError | TimeoutError) -> None:
        """Count a scrape that brought nothing, and say why."""
        if isinstance(error, TimeoutError):
            error = ScrapeError(Outcome.TIMEOUT, f"no answer within {target.timeout:g}s")
        self._scrapes[error.outcome].add(1)
        place = target.url.with_query(None)  # which may hold a key
        self._faults.report("A scrape failed", 0, f"job {self.config.job_name}, {place}: {error}")

    def skipped(self) -> None:
        """Count a scrape for which there was no room."""
        self._scrapes[Outcome.SKIPPED].add(1)
        cause = f"job {self.config.job_name}: what the last one brought has not been taken"
        self._faults.report("Skipped a scrape", 0, cause)

    def _discovered(self) -> Iterator[Discovery]:
        """Everything that is asked for targets."""
        yield Static(self.config.static_configs)
        yield from map(Files, self.config.file_sd_configs)
        for url in self.config.http_sd_configs:
            yield Url(url, self._context.id)
        for cluster in self.config.kubernetes_sd_configs:
            yield Kubernetes(cluster, self._context)

    async def _discover(self, discovery: Discovery) -> None:
        async for found in discovery.follow(self._complain):
            self._found[discovery] = found
            self._changed.set()

    def _complain(self, error: Exception) -> None:
        self._faults.report("Service discovery failed", 0, f"job {self.config.job_name}: {error}")

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            found = [labels for each in self._found.values() for labels in each]
            targets, errors = targets_of(self.config, found)
            for error in errors:
                cause = f"job {self.config.job_name}: {error}"
                self._faults.report("A target cannot be scraped", 0, cause)
            await self._scrape(targets)
            await asyncio.sleep(_SETTLING)

    async def _scrape(self, targets: Sequence[Target]) -> None:
        """Scrape these targets from now on, and no others."""
        limit = self.config.target_limit
        count = f"there are {len(targets)} targets, and target_limit is {limit}"
        self._too_many = count if limit and len(targets) > limit else ""
        wanted = {target.key: target for target in targets}
        for key in self._loops.keys() - wanted.keys():
            loop, task = self._loops.pop(key)
            task.cancel()
            retiring = self._context.tasks.create_task(loop.retire())
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)
        for key in wanted.keys() - self._loops.keys():
            loop = Loop(wanted[key], self)
            self._loops[key] = loop, self._context.tasks.create_task(loop.run())

    def _count(self) -> None:
        id_, telemetry = self._context.id, self._context.telemetry
        self._scrapes = {
            outcome: telemetry.counter(
                "penstock_receiver_scrapes",
                "Scrapes, by what became of them.",
                "{scrape}",
                receiver=id_,
                outcome=outcome,
            )
            for outcome in Outcome
        }
        self._dropped = {
            reason: telemetry.counter(
                "penstock_receiver_dropped_samples",
                "Samples of targets that make no data points, by reason.",
                "{sample}",
                Level.BASIC,
                receiver=id_,
                reason=reason,
            )
            for reason in _DROPPED
        }


_DROPPED = {
    "duplicate": "a series has several samples of one time; the first counts",
    "misplaced": "their names or labels do not fit the types of their metrics",
    "inconsistent": "the counts of a histogram contradict each other",
}
