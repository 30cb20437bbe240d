"""Credentials in a file, taken again whenever the file changes."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.pipeline import Extension, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.pipeline import Context

INTERVAL = 0.5
"""Seconds between two looks at a file. What is new is taken when two looks in a row have seen it,
since whoever writes a file in place has it half written for a moment."""

MAX_BYTES = 4 * 1024 * 1024
"""The largest file: 40,000 users."""


class CredentialsFile:
    """Gives a file's text to `use`, at the start and when it changes.

    `use` raises `ValueError` for what it cannot take, without a word of it in the message; then it
    goes on with what it has, and the log says so once.
    """

    def __init__(self, path: str, use: Callable[[str], None], context: Context) -> None:
        self._path = path
        self._use = use
        self._context = context
        self._used = b""
        self._complaint = ""
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take what the file has and look after it. Raises `StartError`."""
        try:
            self._take(await asyncio.to_thread(_read, self._path))
        except (OSError, ValueError) as error:
            msg = f"{self._context.id}: cannot use {self._path}: {_cause(error)}"
            raise StartError(msg) from error
        self._watch = self._context.tasks.create_task(self._look_after())

    def stop(self) -> None:
        """Look no more."""
        if self._watch:
            self._watch.cancel()

    async def renew(self) -> None:
        """Take what the file has now, if that is new."""
        with self._complaining():
            self._take_new(await asyncio.to_thread(_read, self._path))

    async def _look_after(self) -> None:
        seen = self._used
        while True:
            await asyncio.sleep(INTERVAL)
            with self._complaining():
                text = await asyncio.to_thread(_read, self._path)
                before, seen = seen, _mark(text)
                if seen == before:
                    self._take_new(text)

    def _take_new(self, text: str) -> None:
        if _mark(text) != self._used:
            self._take(text)
            self._context.logger.info("took new credentials from %s", self._path)
        if self._complaint:
            self._complaint = ""
            self._context.status.ok()

    def _take(self, text: str) -> None:
        self._use(text)
        self._used = _mark(text)

    @contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            self._complain(_cause(error))

    def _complain(self, cause: str) -> None:
        if cause != self._complaint:
            message = "cannot use %s, keeping the credentials from before: %s"
            self._context.logger.error(message, self._path, cause)
            self._context.status.recoverable(f"cannot use {self._path}: {cause}")
        self._complaint = cause


class FromFiles(Extension):
    """An authenticator with credentials from files, of which there may be none."""

    _files: Sequence[CredentialsFile] = ()

    async def start(self) -> None:
        """Read the files. Raises `StartError`."""
        for file in self._files:
            await file.start()

    async def renew(self) -> None:
        """Read the files again."""
        for file in self._files:
            await file.renew()

    async def stop(self) -> None:
        """Look after the files no more."""
        for file in self._files:
            file.stop()


def _read(path: str) -> str:
    with Path(path).open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        msg = f"over {MAX_BYTES} bytes"
        raise ValueError(msg)
    return content.decode("utf-8-sig")


def _mark(text: str) -> bytes:
    """What tells one text from another without keeping it."""
    return hashlib.sha256(text.encode()).digest()


def _cause(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):  # whose own words show the bytes
        return "not UTF-8 text"
    return (isinstance(error, OSError) and error.strerror) or str(error)
