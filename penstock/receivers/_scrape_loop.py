"""A target's life: scraped on time, and told of, until it is no longer one."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from penstock.pipeline import Batch
from penstock.receivers._scrape_fetch import ScrapeError
from penstock.receivers._scrape_samples import NOTHING, Scraped
from penstock.receivers._scrape_series import Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.receivers._scrape_fetch import Exposition
    from penstock.receivers._scrape_job import Job
    from penstock.receivers._scrape_target import Target

_SMALL = 64 * 1024
"""Bytes of an exposition that are read on the event loop: it takes a few milliseconds."""


class Result(NamedTuple):
    """What a scrape brought."""

    batches: list[Batch]
    samples: Scraped
    new: int


class Loop:
    """Scrapes one target. What a scrape brings is one batch, and until that has been taken there is
    no other scrape."""

    def __init__(self, target: Target, job: Job) -> None:
        self.target = target
        self._job = job
        self._series = Series(track_times=job.config.track_timestamps_staleness)
        self._about: Mapping[str, str] = {}
        self._reported: Batch | None = None
        self._reading: asyncio.Future[Result] | None = None
        self._free = asyncio.Event()
        self._free.set()

    async def run(self) -> None:
        """Scrape whenever it is time; does not return."""
        while True:
            await asyncio.sleep(self._pause(time.time()))
            if self._free.is_set():
                await self.scrape()
            else:
                self._job.skipped()

    async def retire(self) -> None:
        """The target is none any more: tell that its series are gone."""
        if self._reading:
            await asyncio.wait([self._reading])
        await self._free.wait()
        now = time.time_ns()
        gone = self._series.end(now)
        if self._reported:
            gone.append(self._reported.stale(now))
        if gone:
            self._pass_on(gone)

    async def scrape(self) -> None:
        """Ask once, and pass on what comes of it."""
        now, began = time.time_ns(), time.monotonic()
        try:
            result = await self._attempt(now)
        except (ScrapeError, TimeoutError) as error:
            self._job.failed(self.target, error)
            result, up = Result(self._series.end(now), NOTHING, 0), 0
        else:
            self._job.succeeded(result.samples)
            self._about, up = result.samples.about, 1
        values = _values(up, time.monotonic() - began, result)
        self._reported = self._job.reader.report(values, self.target, self._about, now)
        self._pass_on([*result.batches, self._reported])

    def _pause(self, now: float) -> float:
        """Seconds until the next scrape is due."""
        interval = self.target.interval
        return (self.target.offset - now) % interval or interval

    async def _attempt(self, now: int) -> Result:
        with self._job.room.account() as take:
            async with asyncio.timeout(self.target.timeout):
                exposition = await self._job.fetch(self.target, take)
            return await self._read(exposition, now)

    async def _read(self, exposition: Exposition, now: int) -> Result:
        read = partial(self._read_now, exposition, now)
        if len(exposition.body) < _SMALL:
            return read()
        self._reading = asyncio.get_running_loop().run_in_executor(None, read)
        return await asyncio.shield(self._reading)  # what has begun is not to end half-way

    def _read_now(self, exposition: Exposition, now: int) -> Result:
        samples = self._job.reader.read(*exposition, self.target, now)
        batches, new = self._series.follow(samples.batch, now)
        return Result(batches, samples, new)

    def _pass_on(self, batches: list[Batch]) -> None:
        self._free.clear()
        self._job.keep(Batch.concat(batches), self._free.set)


def _values(up: int, duration: float, result: Result) -> dict[str, float]:
    return {
        "up": up,
        "scrape_duration_seconds": duration,
        "scrape_samples_scraped": result.samples.exposed,
        "scrape_samples_post_metric_relabeling": result.samples.left,
        "scrape_series_added": result.new,
    }
