"""Where the host is: its `/proc` and `/sys`, for what psutil tells and for what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from penstock.pipeline import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NANOSECONDS = 1_000_000_000

_holders: list[Host] = []
"""The hosts that are being told of: psutil knows one `/proc` at a time."""


class Host:
    """The host whose root directory is `root`."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.proc = root / "proc"

    def claim(self, id_: str) -> None:
        """Let psutil look here, until `release`. Raises `StartError` where it looks elsewhere."""
        other = next((holder.root for holder in _holders if holder.root != self.root), None)
        if other is not None:
            msg = f"{id_}: root_path is {self.root}, and another receiver's is {other}; make it one"
            raise StartError(msg)
        if not self.proc.is_dir():
            msg = f"{id_}: there is no {self.proc}; root_path is where the host's / is mounted"
            raise StartError(msg)
        psutil.PROCFS_PATH = str(self.proc)
        _holders.append(self)

    def release(self) -> None:
        """Let psutil look where it would by itself, when nobody else tells of the host."""
        if self in _holders:
            _holders.remove(self)
        if not _holders:
            psutil.PROCFS_PATH = "/proc"

    @property
    def boot(self) -> int:
        """When it began, in ns since 1970."""
        return int(psutil.boot_time()) * _NANOSECONDS

    def text(self, path: str) -> str:
        """The text of a file below `proc`."""
        return (self.proc / path).read_text("utf-8", "replace")

    def rows(self, path: str) -> Iterator[list[str]]:
        """The words of each line of a file below `proc`."""
        return (line.split() for line in self.text(path).splitlines())

    def numbers(self, path: str) -> dict[str, int]:
        """A file of names and numbers below `proc`; what follows a number is left out."""
        pairs = (row for row in self.rows(path) if len(row) > 1 and row[1].isdecimal())
        return {row[0].rstrip(":"): int(row[1]) for row in pairs}

    def below(self, path: str) -> str | None:
        """What a path of this mount namespace is for the host; `None` for what is not its own."""
        root = str(self.root)
        if root == "/":
            return path
        return path.removeprefix(root) or "/" if f"{path}/".startswith(f"{root}/") else None
