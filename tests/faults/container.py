"""A control group as containers have one: more memory than it has, and the kernel kills."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOTS = {
    Path("/sys/fs/cgroup/memory"): ("memory.limit_in_bytes", "memory.oom_control"),
    Path("/sys/fs/cgroup"): ("memory.max", "memory.events"),
}
"""Where groups are made, by version 1 and 2: the file of the limit, and that of what was killed."""


class Container:
    """A group with a process in it."""

    def __init__(self, folder: Path, kills: str) -> None:
        self._kills = folder / kills

    @property
    def kills(self) -> int:
        """How many processes were killed for want of memory."""
        found = re.search(r"^oom_kill (\d+)$", self._kills.read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])


@contextmanager
def container(pid: int, limit: int) -> Iterator[Container | None]:
    """Put a process into a group of so many bytes; `None` where whoever runs this may not.

    The group goes at the end, when the process has.
    """
    for root, (limits, kills) in _ROOTS.items():
        folder = root / f"penstock-{pid}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / limits).write_text(str(limit))
            (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            folder.rmdir()
            continue
        try:
            yield Container(folder, kills)
        finally:
            (root / "cgroup.procs").write_text(str(pid))
            folder.rmdir()
        return
    yield None
