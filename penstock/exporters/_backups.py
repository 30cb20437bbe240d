"""Files set aside when they were full: named by the time, never overwritten, bounded in number."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86_400.0

_TIME = "%Y-%m-%dT%H-%M-%S"
_TIME_PATTERN = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}"
_TICK = timedelta(milliseconds=1)


class Backups:
    """The files beside `path` that once were it: `data-2026-01-31T12-00-00.000.json`.

    `max_bytes` is what a file may hold, and `max_seconds` how old it may be, set aside and then
    again. `max_files` is how many are kept. 0 of the latter two sets no limit. Names are in UTC or
    in `localtime`.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, max_seconds: float, max_files: int, localtime: bool
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._max_files = max_files
        self._localtime = localtime
        stem, suffix = re.escape(path.stem), re.escape(path.suffix)
        self._name = re.compile(f"{stem}-({_TIME_PATTERN}){suffix}")

    def due(self, size: int, more: int, age: float) -> bool:
        """Whether a file of `size` bytes is to be set aside before `more` are added to it."""
        too_old = self._max_seconds and age > self._max_seconds
        return size > 0 and (size + more > self._max_bytes or bool(too_old))

    def set_aside(self, now: float) -> None:
        """Give the file its name among the backups. Raises `OSError`."""
        moment = datetime.fromtimestamp(now, None if self._localtime else UTC)
        while True:
            backup = self._path.with_name(f"{self._path.stem}-{_text(moment)}{self._path.suffix}")
            moment += _TICK
            with suppress(FileExistsError):
                # Renaming overwrites; what this has made is ours to overwrite.
                backup.touch(mode=0o600, exist_ok=False)
                self._path.replace(backup)
                return

    def prune(self, now: float) -> None:
        """Delete the oldest backups beyond the limits. Raises `OSError`."""
        backups = sorted(self._backups(), reverse=True)
        oldest = now - self._max_seconds if self._max_seconds else 0.0
        for number, (time, backup) in enumerate(backups):
            if time < oldest or 0 < self._max_files <= number:
                backup.unlink()

    def _backups(self) -> Iterator[tuple[float, Path]]:
        for file in self._path.parent.iterdir():
            match = self._name.fullmatch(file.name)
            if match:
                with suppress(ValueError):  # such as a 31st of February: not a name of ours
                    yield self._seconds(match[1]), file

    def _seconds(self, text: str) -> float:
        moment = datetime.strptime(text, f"{_TIME}.%f")  # noqa: DTZ007  (the next line sees to it)
        return (moment if self._localtime else moment.replace(tzinfo=UTC)).timestamp()


def _text(moment: datetime) -> str:
    return f"{moment.strftime(_TIME)}.{moment.microsecond // 1000:03}"
