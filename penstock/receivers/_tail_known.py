"""What is known of files, and how one is known again: after a rename, as a copy, compressed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock._kernel import LogFile

REMEMBERED = 10_000
"""Files that are gone and remembered, in case they come back under another name."""

Key = tuple[int, int]
"""Device and number of a file."""


class Fingerprint(NamedTuple):
    """The first bytes of a file, by their length and a digest."""

    length: int
    digest: bytes

    @classmethod
    def of(cls, beginning: bytes) -> Fingerprint:
        """Of what a file begins with."""
        return cls(len(beginning), blake2b(beginning, digest_size=16).digest())

    def begins(self, beginning: bytes) -> bool:
        """Whether something that begins so may be the same file, perhaps longer by now."""
        return len(beginning) >= self.length and Fingerprint.of(beginning[: self.length]) == self


class Mark(NamedTuple):
    """A place in a file: the offset, and how many entries come before."""

    offset: int = 0
    number: int = 0


NOWHERE = Mark()


@dataclass(slots=True, eq=False)
class Known:
    """A file, and how far it has been read."""

    log: LogFile
    path: str
    key: Key
    fingerprint: Fingerprint
    id: bytes
    """What it is called in the storage."""
    accepted: Mark = NOWHERE
    """Up to where its entries have been taken by the next stage."""
    seen: tuple[int, int] = (-1, -1)
    """Its size and time of modification when it was last looked at and read to its end."""
    grown: float = 0.0
    """When it last had something new, on the clock that never jumps."""


class Gone:
    """Files whose path is not there any more, by how they begin; the newest of them."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._files: dict[Fingerprint, dict[Known, None]] = {}
        self._order: dict[Known, Fingerprint] = {}
        self._lengths: Counter[int] = Counter()

    def __iter__(self) -> Iterator[Known]:
        return iter(tuple(self._order))

    def add(self, known: Known) -> Known | None:
        """Remember `known`; who is forgotten for it is returned."""
        self._files.setdefault(known.fingerprint, {})[known] = None
        self._order[known] = known.fingerprint
        self._lengths[known.fingerprint.length] += 1
        if len(self._order) <= self._limit:
            return None
        oldest = next(iter(self._order))
        self.remove(oldest)
        return oldest

    def remove(self, known: Known) -> None:
        """It is there again."""
        fingerprint = self._order.pop(known, None)
        if fingerprint is None:
            return
        self._files[fingerprint].pop(known)
        if not self._files[fingerprint]:
            del self._files[fingerprint]
        self._lengths[fingerprint.length] -= 1
        self._lengths += Counter()  # without what is zero

    def find(self, beginning: bytes, key: Key) -> Known | None:
        """The file that one that begins so was: the one with that key, or that has most in common
        with it."""
        best = None
        for length in sorted(self._lengths, reverse=True):
            if length > len(beginning):
                continue
            for known in self._files.get(Fingerprint.of(beginning[:length]), ()):
                if known.key == key:
                    return known
                best = best or known
        return best
