"""How far files have been read, where a restart finds it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.receivers._tail_known import Fingerprint, Known, Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.pipeline.storage import Store
    from penstock.receivers._tail_files import Files

INTERVAL = 1.0
"""Seconds between two writes, each of which waits for the disk: what was accepted in between comes
again after a crash."""


class Checkpoints:
    """Writes what changed, at times. Everything here belongs to one thread."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._changes: dict[bytes, bytes | None] = {}
        self._next_write = 0.0

    def restore(self, files: Files) -> None:
        """Have `files` know what is stored; what cannot be read is taken as new."""
        files.restore(
            known for id_, value in self._store.items() for known in _known(files, id_, value)
        )

    def note(self, known: Known) -> None:
        """Its entries have been taken up to `known.accepted`."""
        self._changes[known.id] = _value(known)

    def forget(self, known: Known) -> None:
        """It is not remembered any more."""
        self._changes[known.id] = None

    def write(self, *, now: bool = False) -> None:
        """Write, if it is time or `now`. Raises `StorageError`; nothing is lost by that."""
        if self._changes and (now or self._clock() >= self._next_write):
            self._next_write = self._clock() + INTERVAL
            self._store.write(self._changes)
            self._changes.clear()

    def close(self) -> None:
        """Give the store back."""
        self._store.close()


def _value(known: Known) -> bytes:
    value = {
        "path": known.path,
        "file": known.key,
        "begins": [known.fingerprint.length, known.fingerprint.digest.hex()],
        "offset": known.accepted.offset,
        "number": known.accepted.number,
    }
    return json.dumps(value).encode()


def _known(files: Files, id_: bytes, value: bytes) -> Iterator[Known]:
    try:
        stored: dict[str, Any] = json.loads(value)
        length, digest = stored["begins"]
        device, number = stored["file"]
        fingerprint = Fingerprint(int(length), bytes.fromhex(digest))
        known = files.new(str(stored["path"]), fingerprint, (int(device), int(number)))
        known.accepted = Mark(int(stored["offset"]), int(stored["number"]))
        known.log.seek(*known.accepted)
    except (KeyError, OverflowError, TypeError, ValueError):
        return
    known.id = id_
    yield known
