"""Records with checksums in LMDB files, and a program that copies those of a file that are whole.

LMDB trusts what a file holds: a damaged one can end the process that reads it. So it is read once
by this program, in a process of its own, which imports nothing of Penstock's: `_records.py OLD NEW`
ends with 0 where NEW holds all of OLD, with `DAMAGED` where records were left out, and with
`NO_ROOM` where NEW could not be written although OLD is whole.
"""

from __future__ import annotations

import struct
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import lmdb

if TYPE_CHECKING:
    from collections.abc import Callable

DAMAGED = 3
NO_ROOM = 4

BATCH = 1000
"""Records that are copied in one transaction: what a crash can cost of those that were readable."""

_HEAD = struct.Struct("<II")


def sealed(key: bytes, value: bytes) -> bytes:
    """The value after its length and the checksum of both key and value."""
    return _HEAD.pack(len(value), crc32(value, crc32(key))) + value


def unsealed(key: bytes, record: bytes) -> bytes | None:
    """The value of a record; `None` where it is not what was written."""
    if len(record) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(record)
    value = record[_HEAD.size :]
    whole = len(value) == length and crc32(value, crc32(key)) == checksum
    return value if whole else None


def environment(path: Path, size: int, *, readonly: bool = False) -> lmdb.Environment:
    """The file at `path`, which nobody else has open. Everything is on disk after a transaction,
    and nothing is written through memory: a full disk is an error and not the end."""
    return lmdb.open(
        str(path), subdir=False, map_size=size, readonly=readonly, lock=False, mode=0o600
    )


def copy(old: Path, new: Path) -> bool:
    """Copy every whole record to a new file; whether all were. Raises `_NoRoomError`."""
    try:
        target = environment(new, 2 * old.stat().st_size + 2**20)
    except lmdb.Error as error:
        raise _NoRoomError from error
    with target:
        return _read(old, lambda records: _put(target, records))


def _read(path: Path, take: Callable[[list[tuple[bytes, bytes]]], object]) -> bool:
    """Give every whole record to `take`, many at a time; whether all were."""
    with environment(path, path.stat().st_size, readonly=True) as source, source.begin() as reading:
        cursor = iter(reading.cursor())
        read = 0
        while records := list(islice(cursor, BATCH)):
            whole = [record for record in records if unsealed(*record) is not None]
            take(whole)
            read += len(whole)
        return bool(read == reading.stat()["entries"])


class _NoRoomError(Exception):
    """The disk does not take the copy."""


def _put(target: lmdb.Environment, records: list[tuple[bytes, bytes]]) -> None:
    try:
        with target.begin(write=True) as transaction:
            for key, record in records:
                transaction.put(key, record)
    except lmdb.Error as error:
        raise _NoRoomError from error


def _main(old: Path, new: Path) -> int:
    try:
        return 0 if copy(old, new) else DAMAGED
    except _NoRoomError:
        if _read(old, len):
            return NO_ROOM
        raise


if __name__ == "__main__":
    sys.exit(_main(*map(Path, sys.argv[1:])))
