"""Scrapers of the host's disks and of the file systems on them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

from penstock.receivers._host_scraper import FAULTS, Group, HostScraper, Problem, Scraper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.receivers._host import Host
    from penstock.receivers._host_filters import Filter
    from penstock.receivers._host_metrics import Table
    from penstock.receivers._host_scraper import Point

_SECTOR = 512
"""Bytes of a sector in `diskstats`, whatever the disk has."""
_FIELDS = 14
"""Words of a line in `diskstats` that every kernel writes."""


class Disk(HostScraper):
    """What disks do. Psutil leaves out what waits in their queues, so `diskstats` is read."""

    def __init__(self, table: Table, host: Host, wanted: Filter) -> None:
        super().__init__(table, host)
        self._wanted = wanted

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """All of it is in one file."""
        yield self._disks

    def _disks(self) -> Iterator[Point]:
        rows = [row for row in self.host.rows("diskstats") if len(row) >= _FIELDS]
        for row in rows:
            counts = [int(word) for word in row[3:_FIELDS]]
            if any(counts) and self._wanted(row[2]):
                yield from _of_disk(row[2], counts)


def _of_disk(device: str, counts: list[int]) -> Iterator[Point]:
    *ways, pending, busy, weighted = counts
    for way, each in (("read", ways[:4]), ("write", ways[4:])):
        operations, merged, sectors, millis = each
        yield "system.disk.io", sectors * _SECTOR, (device, way)
        yield "system.disk.operations", operations, (device, way)
        yield "system.disk.merged", merged, (device, way)
        yield "system.disk.operation_time", millis / 1000, (device, way)
    yield "system.disk.pending_operations", pending, (device,)
    yield "system.disk.io_time", busy / 1000, (device,)
    yield "system.disk.weighted_io_time", weighted / 1000, (device,)


class Filesystem(Scraper):
    """How full file systems are."""

    def __init__(
        self, table: Table, host: Host, wanted: tuple[Filter, Filter, Filter], *, virtual: bool
    ) -> None:
        super().__init__(table, host)
        self._devices, self._types, self._mounts = wanted
        self._virtual = virtual

    def scrape(self, problems: list[Problem]) -> Iterator[Group]:
        """Each file system that is mounted on the host and wanted."""
        points: list[Point] = []
        try:
            mounted = list(self._mounted())
        except FAULTS as error:
            problems.append(Problem("cannot read what is mounted", repr(error)))
            return
        for path, attributes in mounted:
            try:
                points += _usage(os.statvfs(path), attributes)
            except OSError as error:
                problems.append(Problem("cannot read a file system", f"{path}: {error.strerror}"))
        if points:
            yield Group({}, self.host.boot, points)

    def _mounted(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Where each is mounted, and the attributes of its points."""
        seen = set()
        for device, path, type_, options in psutil.disk_partitions(all=self._virtual):
            mount = self.host.below(path)
            if mount is None or (device, mount) in seen:
                continue
            seen.add((device, mount))
            if self._devices(device) and self._types(type_) and self._mounts(mount):
                yield path, (device, _mode(options), mount, type_)


def _mode(options: str) -> str:
    return next((mode for mode in ("rw", "ro") if mode in options.split(",")), "unknown")


def _usage(told: os.statvfs_result, attributes: tuple[str, ...]) -> Iterator[Point]:
    size, free = told.f_frsize, told.f_bavail
    used = told.f_blocks - told.f_bfree
    reserved = told.f_bfree - free
    for state, blocks in (("used", used), ("free", free), ("reserved", reserved)):
        yield "system.filesystem.usage", blocks * size, (*attributes, state)
    for state, inodes in (("used", told.f_files - told.f_ffree), ("free", told.f_ffree)):
        yield "system.filesystem.inodes.usage", inodes, (*attributes, state)
    share = used / (used + free) if used + free else 0.0
    yield "system.filesystem.utilization", share, attributes
