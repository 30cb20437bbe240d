"""The control groups of Linux that this process is in, versions 1 and 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def group_files(root: Path, controller: str, name: str, name_1: str) -> Iterator[Path]:
    """Where a file of the group may be, and those of the groups that hold it, the innermost first.

    `root` is where `proc` and `sys` are; the file is `name` in version 2 and `name_1` in version 1.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    groups = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _upwards(groups, path, name)
        elif controller in controllers.split(","):
            yield from _upwards(groups / controller, path, name_1)


def _upwards(top: Path, path: str, name: str) -> Iterator[Path]:
    """In a container the path may be the host's and not be there; its files are then at the top."""
    group = top / path.strip("/")
    yield from (each / name for each in (group, *group.parents) if each.is_relative_to(top))
