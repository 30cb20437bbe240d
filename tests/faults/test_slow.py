"""Peers that say nothing, or a byte at a time, take little room and nobody else's time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.slow import crowd, dribble_for

if TYPE_CHECKING:
    from tests.faults.victim import Stand

KIB = 1024
IDLE, DRIBBLING = 500, 100


def test_a_crowd_of_slow_peers_takes_32_kib_each(stand: Stand) -> None:
    with (
        stand.attack() as outcome,
        crowd(stand.victim.ports.grpc, IDLE, DRIBBLING) as connections,
    ):
        dribble_for(connections, seconds=0.5, pause=0.1)
    assert outcome.growth < (IDLE + DRIBBLING) * 32 * KIB
    assert not outcome.refused
