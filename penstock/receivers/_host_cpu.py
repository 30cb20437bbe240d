"""Scrapers of the host's CPUs: their time, their load, and since when they have run."""

from __future__ import annotations

import os
import time
from operator import sub
from typing import TYPE_CHECKING

import psutil

from penstock.receivers._host_scraper import HostScraper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.receivers._host import Host
    from penstock.receivers._host_metrics import Table
    from penstock.receivers._host_scraper import Point

STATES = ("user", "nice", "system", "idle", "wait", "interrupt", "softirq", "steal")
"""What a CPU spends time on, in the order of `/proc/stat`."""

_MHZ = 1_000_000


class Cpu(HostScraper):
    """How each CPU spends its time. Psutil numbers only those that are online, one after the other,
    so their names come from where it reads their times."""

    def __init__(self, table: Table, host: Host) -> None:
        super().__init__(table, host)
        self._last: dict[str, tuple[float, ...]] = {}

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """Times always, since shares need the last ones; the rest where it is enabled."""
        yield self._cpu_times
        if "system.cpu.frequency" in self.table:
            yield self._cpu_frequencies
        if {"system.cpu.logical.count", "system.cpu.physical.count"} & self.table.keys():
            yield self._cpu_counts

    def _cpu_times(self) -> Iterator[Point]:
        times = {
            cpu: tuple(map(float, each[: len(STATES)]))
            for cpu, each in zip(self._names(), psutil.cpu_times(percpu=True), strict=True)
        }
        last, self._last = self._last, times
        for cpu, now in times.items():
            yield from (
                ("system.cpu.time", seconds, (cpu, state))
                for state, seconds in zip(STATES, now, strict=False)
            )
            if cpu in last:
                yield from _shares(cpu, last[cpu], now)

    def _cpu_frequencies(self) -> Iterator[Point]:
        for cpu, frequency in zip(self._names(), psutil.cpu_freq(percpu=True), strict=False):
            yield "system.cpu.frequency", frequency.current * _MHZ, (cpu,)

    def _cpu_counts(self) -> Iterator[Point]:
        for logical in (True, False):
            name = "logical" if logical else "physical"
            if count := psutil.cpu_count(logical):
                yield f"system.cpu.{name}.count", count, ()

    def _names(self) -> list[str]:
        rows = (row for row in self.host.rows("stat") if row)
        return [row[0] for row in rows if row[0].startswith("cpu") and row[0] != "cpu"]


def _shares(cpu: str, last: tuple[float, ...], now: tuple[float, ...]) -> Iterator[Point]:
    spent = tuple(map(sub, now, last))
    total = sum(spent)
    for state, seconds in zip(STATES, spent, strict=False):
        yield "system.cpu.utilization", seconds / total if total > 0 else 0.0, (cpu, state)


class Load(HostScraper):
    """How many threads run or want to; with `average`, for each CPU."""

    def __init__(self, table: Table, host: Host, *, average: bool) -> None:
        super().__init__(table, host)
        self._average = average

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """The averages."""
        yield self._load_averages

    def _load_averages(self) -> Iterator[Point]:
        cpus = (os.cpu_count() or 1) if self._average else 1
        for minutes, load in zip((1, 5, 15), self.host.text("loadavg").split(), strict=False):
            yield f"system.cpu.load_average.{minutes}m", float(load) / cpus, ()


class System(HostScraper):
    """Since when the host has run."""

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """The time."""
        yield self._uptime

    def _uptime(self) -> Iterator[Point]:
        yield "system.uptime", float(int(time.time() - psutil.boot_time())), ()
