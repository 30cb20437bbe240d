"""What each scraper of the host tells: names, units and defaults are those of the Collector."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(Enum):
    """What the points of a metric are."""

    COUNTER = "sum that only grows"
    LEVEL = "sum"
    GAUGE = "gauge"


class Metric(NamedTuple):
    """A metric, and the keys of the attributes that its points have."""

    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    enabled: bool = True
    real: bool = False
    """Whether its values are floats; else they are integers."""


Table = dict[str, Metric]

_counter = partial(Metric, Kind.COUNTER)
_level = partial(Metric, Kind.LEVEL)
_gauge = partial(Metric, Kind.GAUGE, real=True)

_BUSY = ("cpu", "state")
CPU: Table = {
    "system.cpu.time": _counter("s", "Time each CPU spent, by state.", _BUSY, real=True),
    "system.cpu.utilization": _gauge(
        "1", "Share of the time since the last scrape, by state.", _BUSY, enabled=False
    ),
    "system.cpu.frequency": _gauge("Hz", "Frequency of each CPU now.", ("cpu",), enabled=False),
    "system.cpu.logical.count": _level("{cpu}", "Logical CPUs.", enabled=False),
    "system.cpu.physical.count": _level("{cpu}", "Physical CPUs.", enabled=False),
}

_DISK, _DISK_WAYS = ("device",), ("device", "direction")
DISK: Table = {
    "system.disk.io": _counter("By", "Bytes read and written.", _DISK_WAYS),
    "system.disk.operations": _counter("{operations}", "Reads and writes.", _DISK_WAYS),
    "system.disk.merged": _counter(
        "{operations}", "Reads and writes that were merged with others.", _DISK_WAYS
    ),
    "system.disk.operation_time": _counter("s", "Time of all operations.", _DISK_WAYS, real=True),
    "system.disk.io_time": _counter("s", "Time the disk was busy.", _DISK, real=True),
    "system.disk.weighted_io_time": _counter(
        "s", "Time the disk was busy, times the operations in its queue.", _DISK, real=True
    ),
    "system.disk.pending_operations": _level("{operations}", "Operations in the queue.", _DISK),
}

_MOUNT = ("device", "mode", "mountpoint", "type")
FILESYSTEM: Table = {
    "system.filesystem.usage": _level("By", "Bytes of a file system.", (*_MOUNT, "state")),
    "system.filesystem.inodes.usage": _level(
        "{inodes}", "Inodes of a file system.", (*_MOUNT, "state")
    ),
    "system.filesystem.utilization": _gauge(
        "1", "Share of the bytes of a file system that is used.", _MOUNT, enabled=False
    ),
}

LOAD: Table = {
    f"system.cpu.load_average.{minutes}m": _gauge(
        "{thread}", f"Threads that ran or waited for a CPU, on average over {minutes} minutes."
    )
    for minutes in (1, 5, 15)
}

_PAGES = "system.memory.linux.hugepages"
MEMORY: Table = {
    "system.memory.usage": _level("By", "Bytes of memory, by what they are used for.", ("state",)),
    "system.memory.utilization": _gauge(
        "1", "Share of memory, by what it is used for.", ("state",), enabled=False
    ),
    "system.memory.limit": _level("By", "Bytes of memory that the host has.", enabled=False),
    "system.memory.page_size": Metric(Kind.GAUGE, "By", "Size of a page.", enabled=False),
    "system.linux.memory.available": _level(
        "By", "Bytes that new programs could get without swapping.", enabled=False
    ),
    "system.linux.memory.dirty": _level("By", "Bytes that wait to be written.", enabled=False),
    "system.memory.linux.shared": _level(
        "By", "Shared memory, with what tmpfs holds.", enabled=False
    ),
    f"{_PAGES}.limit": _level("{page}", "Huge pages that there are.", enabled=False),
    f"{_PAGES}.page_size": _level("By", "Size of a huge page.", enabled=False),
    f"{_PAGES}.reserved": _level("{page}", "Free huge pages that are promised.", enabled=False),
    f"{_PAGES}.surplus": _level("{page}", "Huge pages beyond the pool.", enabled=False),
    f"{_PAGES}.usage": _level(
        "{page}", "Huge pages by state.", (f"{_PAGES}.state",), enabled=False
    ),
    f"{_PAGES}.utilization": _gauge(
        "1", "Share of the huge pages by state.", (f"{_PAGES}.state",), enabled=False
    ),
}

_NETWORK_WAYS = ("device", "direction")
NETWORK: Table = {
    "system.network.io": _counter("By", "Bytes received and sent.", _NETWORK_WAYS),
    "system.network.packets": _counter("{packets}", "Packets received and sent.", _NETWORK_WAYS),
    "system.network.errors": _counter("{errors}", "Packets with errors.", _NETWORK_WAYS),
    "system.network.dropped": _counter("{packets}", "Packets dropped.", _NETWORK_WAYS),
    "system.network.connections": _level(
        "{connections}", "TCP connections by state.", ("protocol", "state")
    ),
    "system.network.conntrack.count": _level(
        "{entries}", "Connections that the firewall tracks.", enabled=False
    ),
    "system.network.conntrack.max": _level(
        "{entries}", "Connections that the firewall can track.", enabled=False
    ),
}

PAGING: Table = {
    "system.paging.faults": _counter("{faults}", "Page faults.", ("type",)),
    "system.paging.operations": _counter(
        "{operations}", "Pages read and written.", ("direction", "type")
    ),
    "system.paging.usage": _level("By", "Bytes of swap space.", ("device", "state")),
    "system.paging.utilization": _gauge(
        "1", "Share of swap space.", ("device", "state"), enabled=False
    ),
}

PROCESSES: Table = {
    "system.processes.count": _level("{processes}", "Processes by status.", ("status",)),
    "system.processes.created": _counter("{processes}", "Processes ever created."),
}

PROCESS: Table = {
    "process.cpu.time": _counter("s", "CPU time by state.", ("state",), real=True),
    "process.cpu.utilization": _gauge(
        "1", "Share of all CPUs since the last scrape, by state.", ("state",), enabled=False
    ),
    "process.memory.usage": _level("By", "Physical memory."),
    "process.memory.virtual": _level("By", "Virtual memory."),
    "process.memory.utilization": _gauge("1", "Percent of physical memory.", enabled=False),
    "process.disk.io": _counter("By", "Bytes read from and written to disks.", ("direction",)),
    "process.disk.operations": _counter(
        "{operations}", "Calls that read and write.", ("direction",), enabled=False
    ),
    "process.context_switches": _counter("{count}", "Context switches.", ("type",), enabled=False),
    "process.open_file_descriptors": _level("{count}", "Open files.", enabled=False),
    "process.paging.faults": _counter("{faults}", "Page faults.", ("type",), enabled=False),
    "process.signals_pending": _level("{signals}", "Signals that wait.", enabled=False),
    "process.threads": _level("{threads}", "Threads.", enabled=False),
    "process.uptime": _gauge("s", "Time since it began.", enabled=False),
}

SYSTEM: Table = {"system.uptime": _gauge("s", "Time since the host began.")}

_THROTTLING = "container.cpu.throttling_data"
CONTAINER: Table = {
    "container.cpu.time": _counter("s", "CPU time by mode.", ("cpu.mode",), real=True),
    "container.cpu.limit": _gauge("{cpu}", "CPUs it may use, where that is limited."),
    f"{_THROTTLING}.periods": _counter("{periods}", "Periods in which it ran."),
    f"{_THROTTLING}.throttled_periods": _counter("{periods}", "Periods in which it was held back."),
    f"{_THROTTLING}.throttled_time": _counter("ns", "Time for which it was held back."),
    "container.memory.usage": _level("By", "Memory, with the page cache."),
    "container.memory.working_set": _level("By", "Memory without idle page cache."),
    "container.memory.usage.limit": _level("By", "Memory it may use, where that is limited."),
    "container.memory.available": _level("By", "What its working set is short of the limit."),
}

RESOURCE: Mapping[str, bool] = {
    "process.pid": True,
    "process.parent_pid": True,
    "process.executable.name": True,
    "process.executable.path": True,
    "process.command": True,
    "process.command_line": True,
    "process.owner": True,
    "process.cgroup": False,
}
"""The attributes of a process' resource, and whether it has them unless options say otherwise."""
