"""The scraper of the container that Penstock runs in: what its control group uses and may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from penstock.pipeline.cgroups import group_files
from penstock.pipeline.memory.total import memory_limits
from penstock.receivers._host_scraper import HostScraper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.receivers._host import Host
    from penstock.receivers._host_metrics import Table
    from penstock.receivers._host_scraper import Point

_MICROSECONDS = 1_000_000
_THROTTLING = "container.cpu.throttling_data"
_NO_LIMIT = 1 << 60
"""Version 1 writes a number beyond this where there is no limit."""


class Container(HostScraper):
    """Tells of the group of this process, which `root_path` does not change: in a container,
    `root` has its own group and no other."""

    def __init__(self, table: Table, host: Host, root: Path = Path("/")) -> None:
        super().__init__(table, host)
        self._root = root

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """CPU and memory, what is used and what is allowed."""
        yield self._container_cpu
        yield self._container_throttling
        yield self._container_memory

    def start(self) -> int:
        """When its first process began, which in a container is process 1."""
        return int(psutil.Process(1).create_time() * 1000) * _MICROSECONDS

    def _container_cpu(self) -> Iterator[Point]:
        limits = [_cpus(file) for file in self._files("cpu", "cpu.max", "cpu.cfs_quota_us")]
        if limited := [limit for limit in limits if limit is not None]:
            yield "container.cpu.limit", min(limited), ()
        told = self._numbers("cpuacct", "cpu.stat", "cpuacct.stat")
        for mode in ("user", "system"):
            if f"{mode}_usec" in told:
                yield "container.cpu.time", told[f"{mode}_usec"] / _MICROSECONDS, (mode,)
            elif mode in told:
                yield "container.cpu.time", told[mode] / os.sysconf("SC_CLK_TCK"), (mode,)

    def _container_throttling(self) -> Iterator[Point]:
        told = self._numbers("cpu", "cpu.stat", "cpu.stat")
        if "nr_periods" in told:
            nanoseconds = told.get("throttled_time", told.get("throttled_usec", 0) * 1000)
            yield f"{_THROTTLING}.periods", told["nr_periods"], ()
            yield f"{_THROTTLING}.throttled_periods", told["nr_throttled"], ()
            yield f"{_THROTTLING}.throttled_time", nanoseconds, ()

    def _container_memory(self) -> Iterator[Point]:
        limit = min(memory_limits(self._root), default=_NO_LIMIT)
        if limit < _NO_LIMIT:
            yield "container.memory.usage.limit", limit, ()
        file = next(self._files("memory", "memory.current", "memory.usage_in_bytes"), None)
        if file is None:
            return
        usage = int(file.read_text())
        told = self._numbers("memory", "memory.stat", "memory.stat")
        idle = told.get("total_inactive_file", told.get("inactive_file", 0))
        working_set = max(0, usage - idle)
        yield "container.memory.usage", usage, ()
        yield "container.memory.working_set", working_set, ()
        if limit < _NO_LIMIT:
            yield "container.memory.available", max(0, limit - working_set), ()

    def _files(self, controller: str, name: str, name_1: str) -> Iterator[Path]:
        files = group_files(self._root, controller, name, name_1)
        return (file for file in files if file.is_file())

    def _numbers(self, controller: str, name: str, name_1: str) -> dict[str, int]:
        """The numbers of the innermost group, by name."""
        file = next(self._files(controller, name, name_1), None)
        rows = [line.split() for line in file.read_text().splitlines()] if file else []
        return {name: int(number) for name, number in rows}


def _cpus(file: Path) -> float | None:
    """How many CPUs a group may use; `None` where as many as there are."""
    words = file.read_text().split()
    if file.name == "cpu.cfs_quota_us":
        words += (file.parent / "cpu.cfs_period_us").read_text().split()
    quota, period = words
    return int(quota) / int(period) if quota.isdecimal() else None
