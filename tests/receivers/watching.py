"""How much memory a process takes while something happens."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Growth:
    """By how many bytes the resident memory rose, at its highest."""

    bytes: int = 0


@contextmanager
def peak_memory(pid: int | None = None) -> Iterator[Growth]:
    """Watch the peak of a process' resident memory, without `pid` of this one's.

    The figure is there at the end.
    """
    process = Path("/proc", "self" if pid is None else str(pid))
    growth = Growth()
    process.joinpath("clear_refs").write_text("5")
    before = _resident(process, "VmRSS")
    yield growth
    growth.bytes = _resident(process, "VmHWM") - before


def resident(pid: int) -> int:
    """Bytes of memory that a process has now."""
    return _resident(Path("/proc", str(pid)), "VmRSS")


def _resident(process: Path, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", process.joinpath("status").read_text())
    assert found is not None
    return int(found[1]) * 1024
