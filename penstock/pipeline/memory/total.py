"""How much memory there is for this process: the machine's, or less where a container limits it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def total_memory(root: Path = Path("/")) -> int:
    """Bytes: the least of the machine's and the limits of every control group around the process.

    `root` is where `proc` and `sys` are.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    for file in _files(root):
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():  # version 2 writes `max` where there is none
            yield int(text)


def _files(root: Path) -> Iterator[Path]:
    """Where limits may be written: the group's own file and those of the groups that hold it."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    groups = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _upwards(groups, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _upwards(groups / "memory", path, "memory.limit_in_bytes")


def _upwards(top: Path, path: str, name: str) -> Iterator[Path]:
    """In a container the path may be the host's and not be there; its limit is then at the top."""
    group = top / path.strip("/")
    yield from (each / name for each in (group, *group.parents) if each.is_relative_to(top))
