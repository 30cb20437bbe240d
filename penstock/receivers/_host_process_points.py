"""What is told of a process in numbers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.receivers._host import Host
    from penstock.receivers._host_metrics import Table
    from penstock.receivers._host_scraper import Point

    Reading = tuple[str, Callable[[psutil.Process], list[Point]]]

_SWITCHES = re.compile(r"^(non)?voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)
_PENDING = re.compile(r"^ShdPnd:\s*([0-9a-f]+)", re.MULTILINE)
_MINOR, _MAJOR = 7, 9
"""Where page faults are among the words that follow the name in a process' `stat`."""


class Readings:
    """Reads what the enabled metrics need, and nothing else."""

    def __init__(self, table: Table, host: Host) -> None:
        self._table = table
        self._host = host
        self._cpus = psutil.cpu_count() or 1
        self._last: dict[tuple[int, float], tuple[float, psutil._ntuples.pcputimes]] = {}
        self._seen: dict[tuple[int, float], tuple[float, psutil._ntuples.pcputimes]] = {}
        self._enabled = [
            (what, read)
            for metrics, what, read in self._all()
            if any(f"process.{metric}" in table for metric in metrics.split())
        ]

    def of(self) -> list[Reading]:
        """What is read of a process, in a word, and how."""
        return self._enabled

    def forget(self) -> None:
        """Forget processes that were not there since the last call."""
        self._last, self._seen = self._seen, {}

    def _all(self) -> Iterator[tuple[str, str, Callable[[psutil.Process], list[Point]]]]:
        yield "cpu.time cpu.utilization", "cpu times", self._cpu
        yield "memory.usage memory.virtual memory.utilization", "memory", self._memory
        yield "disk.io disk.operations", "io", self._io
        yield "paging.faults", "page faults", self._faults
        yield "threads", "threads", self._threads
        yield "context_switches", "context switches", self._switches
        yield "open_file_descriptors", "open files", self._files
        yield "signals_pending", "signals", self._signals
        yield "uptime", "uptime", self._uptime

    def _cpu(self, process: psutil.Process) -> list[Point]:
        times, now = process.cpu_times(), time.monotonic()
        points: list[Point] = [
            ("process.cpu.time", times.user, ("user",)),
            ("process.cpu.time", times.system, ("system",)),
            ("process.cpu.time", times.iowait, ("wait",)),
        ]
        if "process.cpu.utilization" in self._table:
            key = process.pid, process.create_time()
            self._seen[key] = now, times
            if last := self._last.get(key):
                points += self._shares(times, last[1], now - last[0])
        return points

    def _shares(
        self,
        times: psutil._ntuples.pcputimes,
        last: psutil._ntuples.pcputimes,
        seconds: float,
    ) -> Iterator[Point]:
        whole = seconds * self._cpus
        for state, field in (("user", "user"), ("system", "system"), ("wait", "iowait")):
            spent = getattr(times, field) - getattr(last, field)
            yield "process.cpu.utilization", spent / whole if whole > 0 else 0.0, (state,)

    def _memory(self, process: psutil.Process) -> list[Point]:
        told = process.memory_info()
        points: list[Point] = [
            ("process.memory.usage", told.rss, ()),
            ("process.memory.virtual", told.vms, ()),
        ]
        if "process.memory.utilization" in self._table:
            points.append(("process.memory.utilization", process.memory_percent(), ()))
        return points

    def _io(self, process: psutil.Process) -> list[Point]:
        told = process.io_counters()
        return [
            ("process.disk.io", told.read_bytes, ("read",)),
            ("process.disk.io", told.write_bytes, ("write",)),
            ("process.disk.operations", told.read_count, ("read",)),
            ("process.disk.operations", told.write_count, ("write",)),
        ]

    def _faults(self, process: psutil.Process) -> list[Point]:
        words = stat(self._host, process)
        return [
            ("process.paging.faults", int(words[_MAJOR]), ("major",)),
            ("process.paging.faults", int(words[_MINOR]), ("minor",)),
        ]

    def _threads(self, process: psutil.Process) -> list[Point]:
        return [("process.threads", process.num_threads(), ())]

    def _switches(self, process: psutil.Process) -> list[Point]:
        """Those of all threads; psutil has those of the first."""
        found = {"": 0, "non": 0}
        for thread in (self._host.proc / f"{process.pid}/task").iterdir():
            for kind, count in _SWITCHES.findall((thread / "status").read_text("utf-8", "replace")):
                found[kind] += int(count)
        return [
            ("process.context_switches", found["non"], ("involuntary",)),
            ("process.context_switches", found[""], ("voluntary",)),
        ]

    def _files(self, process: psutil.Process) -> list[Point]:
        return [("process.open_file_descriptors", process.num_fds(), ())]

    def _signals(self, process: psutil.Process) -> list[Point]:
        found = _PENDING.search(self._host.text(f"{process.pid}/status"))
        return [("process.signals_pending", int(found[1], 16).bit_count(), ())] if found else []

    def _uptime(self, process: psutil.Process) -> list[Point]:
        return [("process.uptime", time.time() - process.create_time(), ())]


def stat(host: Host, process: psutil.Process) -> list[str]:
    """The words that follow the name in a process' `stat`: its state, its parent and so on."""
    return host.text(f"{process.pid}/stat").rpartition(")")[2].split()
