"""What the operating system says of this process, among Penstock's own metrics."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.pipeline.telemetry.registry import Telemetry

_STATUS = Path("/proc/self/status")
_BEGIN = time.monotonic()


def memory(field: str) -> int:
    """Bytes that Linux counts under `field` of /proc/self/status, such as `VmRSS`."""
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    return 0


def cpu_seconds() -> float:
    """CPU time of all threads, user and system."""
    times = os.times()
    return times.user + times.system


def observe_process(telemetry: Telemetry) -> None:
    """Show the process under the Collector's names; Linux' words stand for those of Go."""
    name = "otelcol_process_"
    telemetry.observe(
        name + "uptime", "Time since the start.", lambda: time.monotonic() - _BEGIN, "s"
    )
    telemetry.observe(name + "cpu_seconds", "CPU time, user and system.", cpu_seconds, "s")
    telemetry.gauge(
        name + "memory_rss", "Physical memory (resident set).", lambda: memory("VmRSS"), "By"
    )
    telemetry.gauge(
        name + "runtime_heap_alloc_bytes",
        "Physical memory that the process has to itself (anonymous): heaps and buffers.",
        lambda: memory("RssAnon"),
        "By",
    )
    telemetry.gauge(
        name + "runtime_total_sys_memory_bytes",
        "Memory for data that was asked of the system, used or not.",
        lambda: memory("VmData"),
        "By",
    )
