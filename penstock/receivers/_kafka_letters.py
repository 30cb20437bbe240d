"""Messages that cannot be read, kept in a file as they came."""

from __future__ import annotations

import asyncio
import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from penstock.pipeline.directories import make_directories, sync_directory
from penstock.pipeline.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.receivers._kafka_options import LetterConfig
    from penstock.receivers._kafka_reading import Bad


class Letters:
    """A file with a line of JSON for each message: where it is from, what is wrong with it, and
    its key, headers and value in base64."""

    def __init__(self, config: LetterConfig, receiver: str) -> None:
        self._config = config
        self._receiver = receiver
        self._path = Path(config.directory) / f"{quote(receiver, safe='')}.jsonl"
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Make the file. Raises `StartError` where nothing can be kept there."""
        try:
            await asyncio.to_thread(self._make)
        except OSError as error:
            place = f"dead_letter.directory {self._config.directory}"
            msg = f"{self._receiver}: {place}: {error.strerror}"
            raise StartError(msg) from error

    async def keep(self, bad: Sequence[Bad]) -> None:
        """Write messages to the file, on disk when this returns. Raises `OSError`."""
        async with self._turn:
            await asyncio.to_thread(self._write, b"".join(map(_line, bad)))

    def _make(self) -> None:
        make_directories(self._path.parent, "0750")
        self._path.touch(0o600)
        sync_directory(self._path.parent)
        if not os.access(self._path, os.W_OK):
            msg = "it is not writable"
            raise PermissionError(0, msg)

    def _write(self, lines: bytes) -> None:
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(opened, "ab") as file:
            if file.tell() + len(lines) > self._config.max_size:
                msg = f"the file has the max_size of {self._config.max_size} bytes"
                raise OSError(0, msg)
            file.write(lines)
            file.flush()
            os.fsync(opened)


def _line(bad: Bad) -> bytes:
    message = bad.message
    return orjson.dumps(
        {
            "time": datetime.now(UTC).isoformat(timespec="microseconds"),
            "topic": message.topic,
            "partition": message.partition,
            "offset": message.offset,
            "fault": bad.fault,
            "headers": [[name, _text(value)] for name, value in message.headers],
            "key": _text(message.key),
            "value": _text(message.value),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()
