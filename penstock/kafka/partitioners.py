"""Which partition a message goes to: as other producers have it, so that keys meet."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from aiokafka.partitioner import murmur2

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_POSITIVE = 0x7FFF_FFFF


def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a hash."""
    found = 0x811C_9DC5
    for byte in data:
        found = (found ^ byte) * 0x0100_0193 & 0xFFFF_FFFF
    return found


def by_sarama(key: bytes, partitions: int) -> int:
    """The partition of a key where sarama and the Collector produce."""
    found = fnv1a(key)
    signed = found - 0x1_0000_0000 if found > _POSITIVE else found
    return abs(signed) % partitions


def by_murmur2(key: bytes, partitions: int) -> int:
    """The partition of a key where Java's client produces."""
    return int(murmur2(key) & _POSITIVE) % partitions


class StickyKey:
    """A key has its partition; messages without key go where the last one went, for a while."""

    def __init__(self, place: Callable[[bytes, int], int]) -> None:
        self._place = place
        self._number = random.getrandbits(31)

    def turn(self) -> None:
        """Let messages without key go to another partition from now on."""
        self._number += 1

    def __call__(
        self, key: bytes | None, partitions: Sequence[int], available: Sequence[int]
    ) -> int:
        """The partition of a message."""
        if key is not None:
            return partitions[self._place(key, len(partitions))]
        there = available or partitions
        return there[self._number % len(there)]


class RoundRobin:
    """One partition after the other, whatever the key."""

    def __init__(self) -> None:
        self._number = 0

    def turn(self) -> None:
        """Every message has its turn by itself."""

    def __call__(
        self, _key: bytes | None, partitions: Sequence[int], available: Sequence[int]
    ) -> int:
        """The partition of a message."""
        there = available or partitions
        self._number += 1
        return there[self._number % len(there)]
