"""Scrape targets that expose metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from penstock.pipeline import Receiver, ReceiverConfig, Signal
from penstock.pipeline.delivery.custody import Custody
from penstock.receivers._scrape_fetch import Room
from penstock.receivers._scrape_job import Job
from penstock.receivers._scrape_options import PrometheusConfig

if TYPE_CHECKING:
    from penstock.pipeline import Consume, Context


class Config(ReceiverConfig):
    """Options of the `prometheus` receiver."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    config: PrometheusConfig
    """What to scrape, as in a file of Prometheus."""

    not_here: ClassVar[Mapping[str, str]] = {
        "api_server": "Penstock's own metrics tell of scrapes; remove it",
        "prometheus_api_server": "Penstock's own metrics tell of scrapes; remove it",
        "target_allocator": "use http_sd_configs with the allocator's URL of the job",
        "trim_metric_suffixes": "names stay as they are exposed; remove it",
        "report_extra_scrape_metrics": "the limits are in this file; remove it",
        "use_start_time_metric": "series start when targets say so, or are first seen; remove it",
        "start_time_metric_regex": "series start when targets say so, or are first seen; remove it",
    }

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return Prometheus(self, context)


class Prometheus(Receiver):
    """Scrapes every job's targets. What was scraped is kept until the next stage takes it; a target
    of which something is kept is not scraped."""

    transports = ("http",)

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config.config
        self._context = context
        self._jobs: list[Job] = []
        self._custody: Custody | None = None

    async def start(self, consume: Consume) -> None:
        """Begin to scrape. Raises `StartError`."""
        self._custody = custody = Custody(consume, self._context)
        room = Room()
        for settings in self._config.scrape_configs:
            job = Job(settings, self._config.global_, self._context, custody.keep, room)
            self._jobs.append(job)
            await job.start()

    async def stop(self) -> None:
        """Scrape no more; returns when all that was scraped has been taken."""
        while self._jobs:
            await self._jobs.pop().stop()
        custody, self._custody = self._custody, None
        if custody:
            await custody.end()
