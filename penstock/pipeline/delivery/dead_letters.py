"""What could not be delivered, kept in files until somebody sends it again.

A file has a line for each batch: OTLP/JSON, in which `penstock` says when and why, and from which
exporter it is. Readers of OTLP/JSON ignore keys that they do not know (OTLP 1.x, "JSON Protobuf
Encoding"), so any of them reads these files, and `penstock replay` sends them.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from pydantic import Field

from penstock.config.types import Section
from penstock.pipeline.directories import make_directories, sync_directory
from penstock.pipeline.errors import StartError
from penstock.pipeline.faults import FaultLog
from penstock.redaction import redacted

if TYPE_CHECKING:
    from penstock.pipeline.batch import Batch, Signal
    from penstock.pipeline.component import Context

FILE_BYTES = 64 * 1024 * 1024
"""The size from which another file is begun."""

LINE_BYTES = 1024 * 1024
"""What a line holds at most, as protobuf, unless one item is larger."""

LONGEST_ERROR = 1000
"""Characters of an error that are kept."""

KEY = "penstock"
"""The key under which a line says what it is about."""


class DeadLetterConfig(Section):
    """Where to keep what could not be delivered."""

    directory: str = Field(pattern=r"^[^\x00]+$")
    """The directory of the files, made where it does not exist."""
    max_size: int = Field(default=1024 * 1024 * 1024, ge=1)
    """Bytes that the exporter's files may take together for each signal. What comes when there are
    so many is dropped and counted."""


class DeadLetters:
    """The files of one exporter and signal."""

    def __init__(self, config: DeadLetterConfig, context: Context, signal: Signal) -> None:
        self._config = config
        self._context = context
        self._about = {"exporter": context.id, "signal": signal.value}
        self._folder = Path(config.directory)
        self._name = f"{quote(context.id, safe='')}-{signal}"
        self._faults = FaultLog(context.logger)
        self._turn = asyncio.Lock()
        self._file: Path | None = None
        labels = {"exporter": context.id, "data_type": signal.value}
        self._kept = context.telemetry.counter(
            "penstock_exporter_dead_letter_items",
            "Items that could not be delivered and are kept in files.",
            "{item}",
            **labels,
        )
        self._lost = context.telemetry.counter(
            "penstock_exporter_lost_dead_letter_items",
            "Items that could not be delivered and found no room in files.",
            "{item}",
            **labels,
        )

    async def start(self) -> None:
        """Make the directory. Raises `StartError` where nothing can be kept there."""
        try:
            await asyncio.to_thread(make_directories, self._folder, "0750")
            if not os.access(self._folder, os.W_OK | os.X_OK):
                msg = "it is not writable"
                raise PermissionError(0, msg)
        except OSError as error:
            msg = f"{self._context.id}: dead_letter.directory {self._folder}: {error.strerror}"
            raise StartError(msg) from error

    async def keep(self, batch: Batch, reason: str, error: Exception | str) -> None:
        """Write `batch` to a file, on disk when this returns; or count that it is lost."""
        async with self._turn:
            try:
                await asyncio.to_thread(self._write, batch, reason, str(error))
            except OSError as fault:
                self._lost.add(len(batch))
                why = f"cannot write to {self._folder}: {fault.strerror}"
                self._faults.report("Lost, since its dead letter cannot be kept", len(batch), why)
            else:
                self._kept.add(len(batch))

    def _write(self, batch: Batch, reason: str, error: str) -> None:
        lines = b"".join(
            self._line(piece, reason, error) for piece in batch.split(max_bytes=LINE_BYTES)
        )
        sizes = [path.stat().st_size for path in self._folder.glob(f"{self._name}-*.jsonl")]
        if sum(sizes) + len(lines) > self._config.max_size:
            msg = f"its files have the max_size of {self._config.max_size} bytes"
            raise OSError(0, msg)
        path = self._open_file()
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _write_whole(opened, lines)
        finally:
            os.close(opened)

    def _line(self, batch: Batch, reason: str, error: str) -> bytes:
        about = {
            "time": datetime.now(UTC).isoformat(timespec="microseconds"),
            **self._about,
            "reason": reason,
            "error": redacted(error)[:LONGEST_ERROR],
        }
        head = orjson.dumps({KEY: about})
        return head[:-1] + b"," + batch.to_json()[1:] + b"\n"

    def _open_file(self) -> Path:
        """The file to write to; a new one where there is none yet, or the last one is large."""
        path = self._file
        if path is None or not path.exists() or path.stat().st_size >= FILE_BYTES:
            path = self._file = self._folder / f"{self._name}-{time.time_ns()}.jsonl"
            path.touch(0o600)
            sync_directory(self._folder)
        return path


def _write_whole(opened: int, lines: bytes) -> None:
    """Append all or nothing, and see it on disk. Raises `OSError`."""
    before = os.fstat(opened).st_size
    try:
        left = memoryview(lines)
        while left:
            left = left[os.write(opened, left) :]
        os.fsync(opened)
    except OSError:
        os.ftruncate(opened, before)
        raise
