"""How much memory there is for this process: the machine's, or less where a container limits it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.pipeline.cgroups import group_files

if TYPE_CHECKING:
    from collections.abc import Iterator


def total_memory(root: Path = Path("/")) -> int:
    """Bytes: the least of the machine's and the limits of every control group around the process.

    `root` is where `proc` and `sys` are.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *memory_limits(root)])


def memory_limits(root: Path) -> Iterator[int]:
    """The limits of every control group around the process, in bytes."""
    for file in group_files(root, "memory", "memory.max", "memory.limit_in_bytes"):
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():  # version 2 writes `max` where there is none
            yield int(text)
