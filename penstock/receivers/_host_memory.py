"""Scrapers of the host's memory and swap space. Psutil leaves out much of what Linux tells of both,
so `/proc` is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.receivers._host_scraper import HostScraper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.receivers._host_scraper import Point

_KIB = 1024
_PAGES = "system.memory.linux.hugepages"

_STATES = {
    "free": "MemFree",
    "buffered": "Buffers",
    "slab_reclaimable": "SReclaimable",
    "slab_unreclaimable": "SUnreclaim",
}
"""What `meminfo` calls what memory is used for."""

_AMOUNTS = {
    "system.memory.limit": "MemTotal",
    "system.linux.memory.available": "MemAvailable",
    "system.linux.memory.dirty": "Dirty",
    "system.memory.linux.shared": "Shmem",
    f"{_PAGES}.page_size": "Hugepagesize",
}

_COUNTS = {
    f"{_PAGES}.limit": "HugePages_Total",
    f"{_PAGES}.reserved": "HugePages_Rsvd",
    f"{_PAGES}.surplus": "HugePages_Surp",
}


class Memory(HostScraper):
    """What memory is used for."""

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """All of it is in one file."""
        yield self._memory

    def _memory(self) -> Iterator[Point]:
        info = self.host.numbers("meminfo")
        total = info["MemTotal"]
        for state, kib in _used(info).items():
            yield "system.memory.usage", kib * _KIB, (state,)
            yield "system.memory.utilization", kib / total, (state,)
        for name, key in _AMOUNTS.items():
            if key in info:
                yield name, info[key] * _KIB, ()
        yield "system.memory.page_size", os.sysconf("SC_PAGE_SIZE"), ()
        yield from _huge_pages(info)


def _used(info: dict[str, int]) -> dict[str, int]:
    """KiB by state. What is cached includes what the kernel could give back of its own, and what is
    used is what no new program could get, both as in the Collector."""
    available = info.get("MemAvailable", info["MemFree"] + info["Cached"])
    return {
        "used": info["MemTotal"] - available,
        "cached": info["Cached"] + info.get("SReclaimable", 0),
        **{state: info[key] for state, key in _STATES.items() if key in info},
    }


def _huge_pages(info: dict[str, int]) -> Iterator[Point]:
    if "HugePages_Total" not in info:
        return
    total, free = info["HugePages_Total"], info["HugePages_Free"]
    yield from ((name, info[key], ()) for name, key in _COUNTS.items())
    for state, pages in (("free", free), ("used", total - free)):
        yield f"{_PAGES}.usage", pages, (state,)
        if total:
            yield f"{_PAGES}.utilization", pages / total, (state,)


class Paging(HostScraper):
    """How much swap space there is, and how often pages move."""

    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """Space, and movement."""
        yield self._swap_space
        yield self._paging

    def _swap_space(self) -> Iterator[Point]:
        for device, _, size, used, *_ in list(self.host.rows("swaps"))[1:]:
            free = int(size) - int(used)
            for state, kib in (("used", int(used)), ("free", free)):
                yield "system.paging.usage", kib * _KIB, (device, state)
                yield (
                    "system.paging.utilization",
                    kib / int(size) if int(size) else 0.0,
                    (
                        device,
                        state,
                    ),
                )

    def _paging(self) -> Iterator[Point]:
        counts = self.host.numbers("vmstat")
        major = counts["pgmajfault"]
        yield "system.paging.faults", major, ("major",)
        yield "system.paging.faults", counts["pgfault"] - major, ("minor",)
        for kind, verb in (("major", "pswp"), ("minor", "pgpg")):
            for way in ("in", "out"):
                yield "system.paging.operations", counts[verb + way], (f"page_{way}", kind)
