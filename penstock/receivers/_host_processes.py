"""The scraper that counts the host's processes."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from penstock.receivers._host_process_files import ProcessFiles
from penstock.receivers._host_scraper import HostScraper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.receivers._host_scraper import Point

_STATUSES = {
    "D": "blocked",
    "I": "idle",
    "R": "running",
    "S": "sleeping",
    "T": "stopped",
    "t": "stopped",
    "W": "paging",
    "Z": "zombies",
}
"""The Collector's words for the letters of Linux."""


class Processes(HostScraper):
    """How many processes there are, by status, and how many there ever were."""

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """What was created, and what there is."""
        yield self._created_processes
        if "system.processes.count" in self.table:
            yield self._processes

    def _created_processes(self) -> Iterator[Point]:
        yield "system.processes.created", self.host.numbers("stat")["processes"], ()

    def _processes(self) -> Iterator[Point]:
        pids, told = psutil.pids(), self.host.numbers("stat")
        found = Counter(self._statuses(pids))
        # What ends while it is looked at would be missing; these two come from one read.
        found["blocked"] = told["procs_blocked"]
        found["running"] = told["procs_running"]
        found["unknown"] += max(0, len(pids) - found.total())
        for status, count in found.items():
            if count or status in {"blocked", "running"}:
                yield "system.processes.count", count, (status,)

    def _statuses(self, pids: list[int]) -> Iterator[str]:
        for pid in pids:
            with suppress(OSError):
                yield _STATUSES.get(ProcessFiles(self.host.proc, pid).state, "unknown")
