"""A file of keys and values that opens whatever became of it, and is on disk when it says so."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Self

import lmdb

from penstock.extensions import _records
from penstock.extensions._records import DAMAGED, NO_ROOM, environment, sealed, unsealed
from penstock.pipeline import StartError
from penstock.pipeline.directories import sync_directory
from penstock.pipeline.storage import StorageError, Store

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

_PROGRAM = Path(_records.__file__)

_LONGEST_CHECK = 300.0
"""Seconds that looking at a file may take; a gigabyte takes a few."""

_POLL = 0.02
"""Seconds between two looks whether another process has let go of a file."""


class FileStore(Store):
    """An LMDB file that this process alone has open. Threads take turns."""

    def __init__(self, path: Path, size: int, locked: int) -> None:
        self._path = path
        self._size = size
        self._locked = locked
        self._turn = Lock()
        self._environment: lmdb.Environment | None = environment(path, size)

    @classmethod
    def open(cls, path: Path, size: int, patience: float, logger: logging.Logger) -> Self:
        """The file at `path`, made where there is none. What is damaged of it is set aside.

        Raises `StartError` where another process has it for longer than `patience` seconds, or
        where it cannot be read or made.
        """
        try:
            locked = _lock(path.with_name(path.name + ".lock"), patience)
        except OSError as error:
            raise _cannot_open(path, error) from error
        try:
            if path.exists():
                _renew(path, logger)
            store = cls(path, size, locked)
            sync_directory(path.parent)
        except (OSError, lmdb.Error) as error:
            os.close(locked)
            raise _cannot_open(path, error) from error
        return store

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, if it has one that is whole."""
        with self._turn, self._open().begin() as transaction:
            record = transaction.get(key)
        return None if record is None else unsealed(key, record)

    def items(self) -> list[tuple[bytes, bytes]]:
        """Every key with its value."""
        with self._turn, self._open().begin() as transaction:
            read = [(key, unsealed(key, record)) for key, record in transaction.cursor()]
        return [(key, value) for key, value in read if value is not None]

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """All of it or nothing. After a fault the file is opened anew: a sync that failed once says
        nothing when it succeeds later."""
        with self._turn:
            try:
                self._write(changes)
            except lmdb.Error as error:
                self._reopen()
                msg = f"cannot write {self._path}: {error}"
                raise StorageError(msg) from error

    def close(self) -> None:
        """Let other processes have it."""
        with self._turn:
            opened, self._environment = self._environment, None
            if opened is not None:
                opened.close()
                os.close(self._locked)

    def _write(self, changes: Mapping[bytes, bytes | None]) -> None:
        with self._open().begin(write=True) as transaction:
            for key, value in changes.items():
                if value is None:
                    transaction.delete(key)
                else:
                    transaction.put(key, sealed(key, value))

    def _open(self) -> lmdb.Environment:
        if self._environment is None:
            msg = f"{self._path} is closed"
            raise StorageError(msg)
        return self._environment

    def _reopen(self) -> None:
        self._open().close()
        self._environment = environment(self._path, self._size)


def _cannot_open(path: Path, error: Exception) -> StartError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StartError(f"cannot open {path}: {why}; see to it, or set another directory")


def _lock(path: Path, patience: float) -> int:
    """An open file that no other process has locked. Raises `OSError`."""
    locked = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                os.close(locked)
                msg = "another process has it open"
                raise OSError(error.errno, msg) from error
            time.sleep(_POLL)
        else:
            return locked


def _renew(path: Path, logger: logging.Logger) -> None:
    """Put a copy of all that is whole in the place of the file; set that aside if it is damaged."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    verdict = _copied(path, new)
    if verdict.damage:
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        path.rename(aside)
        message = "%s was damaged (%s) and is now %s; what could be read of it is kept"
        logger.error(message, path, verdict.damage, aside)
    if verdict.usable and new.exists():
        new.replace(path)
    new.unlink(missing_ok=True)


class _Verdict(NamedTuple):
    """What was found wrong with a file, if anything, and whether there is a copy to go on with."""

    damage: str = ""
    usable: bool = True


def _copied(path: Path, new: Path) -> _Verdict:
    """Copy what is whole, in a process that may crash over it."""
    command = [sys.executable, "-I", str(_PROGRAM), str(path), str(new)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST_CHECK, check=False)
    except subprocess.TimeoutExpired:
        return _Verdict(f"reading it took over {_LONGEST_CHECK:g} s")
    if done.returncode == NO_ROOM:
        return _Verdict(usable=False)
    if done.returncode in {0, DAMAGED}:
        return _Verdict("records do not match their checksums" if done.returncode else "")
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return _Verdict(said[-1] if said else f"reading it ended with {done.returncode}")
