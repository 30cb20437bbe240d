"""What is told of a process in numbers."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.receivers._host_metrics import Table
    from penstock.receivers._host_process_files import ProcessFiles
    from penstock.receivers._host_scraper import Point

    Reading = Callable[[ProcessFiles], list[Point]]
    Spent = tuple[float, float, float]

_STATES = ("user", "system", "wait")


class Readings:
    """Reads what the enabled metrics need, and nothing else."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._cpus = psutil.cpu_count() or 1
        self._last: dict[tuple[int, int], tuple[float, Spent]] = {}
        self._seen: dict[tuple[int, int], tuple[float, Spent]] = {}
        self.enabled: list[tuple[str, Reading]] = [
            (what, read)
            for metrics, what, read in self._all()
            if any(f"process.{metric}" in table for metric in metrics.split())
        ]
        """What is read of a process, in a word, and how."""

    def forget(self) -> None:
        """Forget processes that were not there since the last call."""
        self._last, self._seen = self._seen, {}

    def _all(self) -> Iterator[tuple[str, str, Reading]]:
        yield "cpu.time cpu.utilization", "cpu times", self._cpu
        yield "memory.usage memory.virtual memory.utilization", "memory", self._memory
        yield "disk.io disk.operations", "io", _io
        yield "paging.faults", "page faults", _faults
        yield "threads", "threads", lambda it: [("process.threads", it.number(20), ())]
        yield "context_switches", "context switches", _switches
        yield "open_file_descriptors", "open files", _files
        yield "signals_pending", "signals", _signals

    @cached_property
    def _total_memory(self) -> int:
        return psutil.virtual_memory().total

    def _cpu(self, files: ProcessFiles) -> list[Point]:
        spent = files.seconds(14), files.seconds(15), files.seconds(42)
        points: list[Point] = [
            ("process.cpu.time", seconds, (state,))
            for state, seconds in zip(_STATES, spent, strict=True)
        ]
        if "process.cpu.utilization" in self._table:
            key, now = (files.pid, files.age), time.monotonic()
            self._seen[key] = now, spent
            if last := self._last.get(key):
                points += self._shares(spent, last[1], now - last[0])
        return points

    def _shares(self, spent: Spent, last: Spent, seconds: float) -> Iterator[Point]:
        whole = seconds * self._cpus
        for state, now, before in zip(_STATES, spent, last, strict=True):
            share = (now - before) / whole if whole > 0 else 0.0
            yield "process.cpu.utilization", share, (state,)

    def _memory(self, files: ProcessFiles) -> list[Point]:
        physical, virtual = files.memory
        points: list[Point] = [
            ("process.memory.usage", physical, ()),
            ("process.memory.virtual", virtual, ()),
        ]
        if "process.memory.utilization" in self._table:
            percent = 100 * physical / self._total_memory
            points.append(("process.memory.utilization", percent, ()))
        return points


def _io(files: ProcessFiles) -> list[Point]:
    told = files.io
    return [
        ("process.disk.io", told[b"read_bytes"], ("read",)),
        ("process.disk.io", told[b"write_bytes"], ("write",)),
        ("process.disk.operations", told[b"syscr"], ("read",)),
        ("process.disk.operations", told[b"syscw"], ("write",)),
    ]


def _faults(files: ProcessFiles) -> list[Point]:
    return [
        ("process.paging.faults", files.number(12), ("major",)),
        ("process.paging.faults", files.number(10), ("minor",)),
    ]


def _switches(files: ProcessFiles) -> list[Point]:
    voluntary, other = files.switches
    return [
        ("process.context_switches", voluntary, ("voluntary",)),
        ("process.context_switches", other, ("involuntary",)),
    ]


def _files(files: ProcessFiles) -> list[Point]:
    return [("process.open_file_descriptors", files.files, ())]


def _signals(files: ProcessFiles) -> list[Point]:
    return [("process.signals_pending", files.pending, ())]
