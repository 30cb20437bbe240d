"""A file of records, each in it whole or not at all. What is here blocks: it is a thread's work."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from struct import Struct
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.exporters._backups import Backups

_BLOCK = 65_536
_LENGTH = Struct(">I")


class Framing(Protocol):
    """How one record is told from the next."""

    def frame(self, payload: bytes) -> bytes:
        """A record of `payload`."""

    def whole(self, descriptor: int, size: int) -> int:
        """How many of the file's `size` bytes, from its start, are whole records."""


class Lines:
    """A record is a line."""

    def frame(self, payload: bytes) -> bytes:
        """`payload`, which has no line end, with one."""
        return payload + b"\n"

    def whole(self, descriptor: int, size: int) -> int:
        """Up to and with the last line end."""
        end = size
        while end:
            start = max(0, end - _BLOCK)
            found = os.pread(descriptor, end - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0


class Messages:
    """A record is its length in 4 bytes, big-endian, and then so many bytes."""

    def frame(self, payload: bytes) -> bytes:
        """`payload` after its length."""
        return _LENGTH.pack(len(payload)) + payload

    def whole(self, descriptor: int, size: int) -> int:
        """Up to the first record that reaches beyond the end."""
        end = 0
        while end + _LENGTH.size <= size:
            (length,) = _LENGTH.unpack(os.pread(descriptor, _LENGTH.size, end))
            if end + _LENGTH.size + length > size:
                break
            end += _LENGTH.size + length
        return end


class RecordFile:
    """Adds records to the file at `path`, which nobody else may write to meanwhile.

    `append` keeps what the file holds. With `backups` it is kept too, and set aside once it is
    large or old enough.
    """

    def __init__(
        self, path: Path, framing: Framing, *, append: bool, backups: Backups | None = None
    ) -> None:
        self._path = path
        self._framing = framing
        self._append = append or backups is not None
        self._backups = backups
        self._descriptor: int | None = None
        self._size = 0
        self._begun = 0.0
        self._torn = False
        self._unsynced = False

    def open(self) -> int:
        """Open the file or make it; returns how many bytes of half a record were cut off its end.

        Raises `OSError` for a file that cannot be written, or that holds something else.
        """
        descriptor = self._open()
        size = self._size
        kept = self._framing.whole(descriptor, size) if self._append else 0
        if self._append and size and not kept:
            self.close()
            raise OSError(errno.EINVAL, "it holds something else; move it away")
        os.ftruncate(descriptor, kept)
        self._size = kept
        if self._backups:
            self._backups.prune(time.time())
        return size - kept if self._append else 0

    def write(self, payload: bytes) -> None:
        """Add a record. Raises `OSError`, and then the file is as it was."""
        record = self._framing.frame(payload)
        descriptor = self._ready(len(record))
        self._torn = True
        try:
            _write_all(descriptor, record)
        except OSError:
            with suppress(OSError):  # if it cannot be cut off now, it is before the next record
                self._mend(descriptor)
            raise
        self._torn = False
        self._begun = self._begun if self._size else time.time()
        self._size += len(record)
        self._unsynced = True

    def sync(self) -> None:
        """Have the disk keep what was written. Raises `OSError`: it may not keep all of it."""
        if self._descriptor is not None and self._unsynced:
            self._unsynced = False
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Sync and close. Raises as `sync` does, and has closed the file all the same."""
        descriptor = self._descriptor
        if descriptor is None:
            return
        try:
            self._mend(descriptor)
            self.sync()
        finally:
            self._descriptor = None
            os.close(descriptor)

    def _ready(self, more: int) -> int:
        """The file, whole and with room for `more` bytes."""
        descriptor = self._open() if self._descriptor is None else self._descriptor
        now = time.time()
        if self._backups and self._backups.due(self._size, more, now - self._begun):
            self.close()
            self._backups.set_aside(now)
            descriptor = self._open()
            self._backups.prune(now)
        self._mend(descriptor)
        return descriptor

    def _open(self) -> int:
        # Without O_NONBLOCK, opening a pipe could wait for whoever is at its other end.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK
        descriptor = os.open(self._path, flags, 0o600)
        try:
            found = _claim(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor, self._torn = descriptor, False
        self._size, self._begun = found.st_size, found.st_mtime
        return descriptor

    def _mend(self, descriptor: int) -> None:
        if self._torn:
            os.ftruncate(descriptor, self._size)
            self._torn = False


def _claim(descriptor: int) -> os.stat_result:
    """Lock a file that is about to be written. Raises `OSError` where it must not be."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(errno.EBUSY, "another exporter or program writes to it") from error
    return found


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
