"""A ring of endpoints, the Collector's: whoever knows the same endpoints sends a key to the same.

Each endpoint stands at 100 of 36,000 positions, by the CRC-32 of its name and of a number; a key is
at the CRC-32 of its bytes, and belongs to the endpoint that comes next. So an endpoint that comes
or goes takes or leaves its own share, and moves nothing else.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

POSITIONS = 36_000
"""A circle, in hundredths of degrees."""

PLACES = 100
"""Where an endpoint stands."""


class Ring:
    """Endpoints, at least one, in order of their names."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        self.endpoints: Sequence[str] = tuple(sorted(set(endpoints)))
        taken: dict[int, int] = {}
        for number, endpoint in enumerate(self.endpoints):
            for place in _places(endpoint):
                taken.setdefault(place, number)
        places = np.array(sorted(taken), dtype=np.int64)
        owners = np.array([taken[place] for place in places.tolist()], dtype=np.uint32)
        following = np.searchsorted(places, np.arange(POSITIONS))
        self._owners = owners[following % len(owners)]

    def owners(self, hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The number of the endpoint that each hash of a key belongs to."""
        owners: NDArray[np.uint32] = self._owners[hashes % np.uint32(POSITIONS)]
        return owners

    def owner(self, key: bytes) -> str:
        """The endpoint that `key` belongs to."""
        return self.endpoints[int(self._owners[crc32(key) % POSITIONS])]


def _places(endpoint: str) -> Iterable[int]:
    begun = crc32(endpoint.encode())
    return (crc32(bytes([number]), begun) % POSITIONS for number in range(PLACES))


def hashes(keys: Sequence[bytes]) -> NDArray[np.uint32]:
    """The CRC-32 of each key."""
    return np.fromiter(map(crc32, keys), dtype=np.uint32, count=len(keys))


def hashes_of_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The CRC-32 of each row of bytes, without a call for each.

    CRC-32 is linear but for a constant: what each byte adds depends on nothing but its place.
    """
    width = rows.shape[1]
    found = np.full(len(rows), crc32(bytes(width)), dtype=np.uint32)
    for place in range(width):
        found ^= _added(place, width)[rows[:, place]]
    return found


@cache
def _added(place: int, width: int) -> NDArray[np.uint32]:
    nothing = crc32(bytes(width))
    before, after = bytes(place), bytes(width - place - 1)
    made = (crc32(before + bytes([byte]) + after) ^ nothing for byte in range(256))
    return np.fromiter(made, dtype=np.uint32, count=256)
