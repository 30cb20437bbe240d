"""Bounds of what fetched messages become: aiokafka decompresses whatever there is, and 400 bytes
that somebody may produce can be 10 MB, so that a fetch of 1 MiB could be more than any memory.

What aiokafka decompresses with, and how it reads what a partition answered, is replaced here, since
it has no option for either.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import cramjam
import numpy as np
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import default_records, legacy_records
from aiokafka.structs import ConsumerRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGEST = 128 * 1024 * 1024
"""Bytes that messages may have which were produced together, decompressed."""

ENOUGH = 32 * 1024 * 1024
"""Bytes of messages after which the rest of a partition's answer is left, and fetched again."""

_USUAL = 8
"""How much larger messages usually are when they are decompressed, at most."""

_SNAPPY_JAVA = b"\x82SNAPPY\x00"
_SNAPPY_JAVA_HEADER = 16


class Undecompressed(CorruptRecordException):  # type: ignore[misc]  # the library has no types
    """What cannot be decompressed, or is too large then."""


@dataclass
class Unreadable(ConsumerRecord[bytes, bytes]):  # type: ignore[misc]  # the library has no types
    """Stands for messages that were produced together and cannot be read."""

    fault: str = ""


def bound() -> None:
    """Have all consumers of this process keep to the bounds, from now on."""
    fetcher.PartitionRecords = BoundedRecords
    for module in (default_records, legacy_records):
        for name, decode in _DECODERS.items():
            setattr(_implementation(module), name, decode)


def _implementation(module: Any) -> Any:
    """The module whose names count: the compiled one, where there is one."""
    name = module.__name__.replace(".record.", ".record._crecords.")
    try:
        return import_module(name)
    except ImportError:
        return module


class BoundedRecords(fetcher.PartitionRecords):  # type: ignore[misc] # the library has no types
    """What a partition answered. Messages that cannot be decompressed are one that is `Unreadable`,
    and the partition is read on behind them."""

    next_fetch_offset: int

    def __init__(self, tp: Any, records: Any, *rest: Any, **options: Any) -> None:
        self._batches = _Remembering(records)
        self._read = 0
        super().__init__(tp, self._batches, *rest, **options)

    def __next__(self) -> ConsumerRecord[bytes, bytes]:
        if self._read >= ENOUGH:
            self._records_iterator = None
            raise StopIteration
        try:
            found: ConsumerRecord[bytes, bytes] = super().__next__()
        except Undecompressed as error:
            return self._unreadable(str(error))
        self._read += len(found.value or b"")
        return found

    def _unreadable(self, fault: str) -> Unreadable:
        place, self.next_fetch_offset = self._tp, self._batches.last.next_offset
        self._records_iterator = self._unpack_records()
        offset = self.next_fetch_offset - 1  # so that what is committed is behind all of them
        return Unreadable(
            place.topic, place.partition, offset, -1, 0, None, None, None, -1, -1, (), fault
        )


class _Remembering:
    """Batches, of which the last one is remembered."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self.last: Any = None

    def has_next(self) -> bool:
        there: bool = self._records.has_next()
        return there

    def next_batch(self) -> Any:
        self.last = self._records.next_batch()
        return self.last


def _decompress(codec: Any, data: Any) -> bytes:
    compressed = bytes(data)
    try:
        return _within(codec, compressed, min(LARGEST, 65_536 + _USUAL * len(compressed)))
    except cramjam.DecompressionError:  # which may only say that there is no room
        pass
    try:
        return _within(codec, compressed, LARGEST)
    except cramjam.DecompressionError as error:
        msg = f"it cannot be decompressed within {LARGEST} bytes: {error}"
        raise Undecompressed(msg) from error


def _within(codec: Any, data: bytes, room: int) -> bytes:
    out = np.empty(room, dtype=np.uint8)
    size = codec.decompress_into(data, out)
    return out[:size].tobytes()


def _snappy(data: Any) -> bytes:
    found, size = [], 0
    for block in _snappy_blocks(bytes(data)):
        try:
            size += cramjam.snappy.decompress_raw_len(block)
            if size > LARGEST:
                msg = f"it is over {LARGEST} bytes when it is decompressed"
                raise Undecompressed(msg)
            found.append(bytes(cramjam.snappy.decompress_raw(block)))
        except cramjam.DecompressionError as error:
            msg = f"it cannot be decompressed: {error}"
            raise Undecompressed(msg) from error
    return b"".join(found)


def _snappy_blocks(data: bytes) -> Iterator[bytes]:
    """Java's library cuts messages into blocks."""
    if not data.startswith(_SNAPPY_JAVA):
        yield data
        return
    at = _SNAPPY_JAVA_HEADER
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : end]
        at = end


_DECODERS: dict[str, Callable[[Any], bytes]] = {
    "gzip_decode": lambda data: _decompress(cramjam.gzip, data),
    "lz4_decode": lambda data: _decompress(cramjam.lz4, data),
    "snappy_decode": _snappy,
    "zstd_decode": lambda data: _decompress(cramjam.zstd, data),
}
