"""How much memory this process takes while something happens."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESS = Path("/proc/self")


@dataclass
class Growth:
    """By how many bytes the resident memory rose, at its highest."""

    bytes: int = 0


@contextmanager
def peak_memory() -> Iterator[Growth]:
    """Watch the peak of this process' resident memory; the figure is there at the end."""
    growth = Growth()
    PROCESS.joinpath("clear_refs").write_text("5")
    before = _resident("VmRSS")
    yield growth
    growth.bytes = _resident("VmHWM") - before


def _resident(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", PROCESS.joinpath("status").read_text())
    assert found is not None
    return int(found[1]) * 1024
