"""Peers that say nothing, or a byte at a time, take little room and nobody else's time."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.faults.slow import besiege
from tests.receivers.clients import connect

if TYPE_CHECKING:
    from tests.faults.victim import Stand

KIB = 1024
IDLE, DRIBBLING = 500, 100
SECONDS = 0.5


def test_a_crowd_of_slow_peers_takes_32_kib_each(stand: Stand) -> None:
    with stand.attack() as outcome:
        port = stand.victim.ports.grpc
        stand.attackers.submit(besiege, port, IDLE, DRIBBLING, SECONDS).result()
    assert outcome.growth < (IDLE + DRIBBLING) * 32 * KIB
    assert not outcome.refused


PROMISING = (
    b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\n"
    b"Content-Length: 4000000\r\n\r\n\x0a"
)
"""A request of which a byte has come, and four million are announced."""


def test_bodies_that_are_only_announced_take_no_room_from_others(stand: Stand) -> None:
    with ExitStack() as promises, stand.attack() as outcome:
        for _ in range(IDLE):
            promises.enter_context(connect(stand.victim.ports.http)).sendall(PROMISING)
    assert not outcome.refused
    assert outcome.growth < IDLE * 32 * KIB
