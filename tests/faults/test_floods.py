"""Who floods HTTP/2 loses the connection by name; the honest sender beside it is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.floods import FLOODS, OPEN, PATIENT, flood
from tests.faults.victim import MEMORY_LIMIT

if TYPE_CHECKING:
    from tests.faults.victim import Stand

SECONDS = 0.15
CONNECTIONS = 2


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_ended_and_named_and_costs_nobody_else_anything(stand: Stand, name: str) -> None:
    port = stand.victim.ports.grpc
    with stand.attack() as outcome:
        endings = stand.attackers.submit(flood, port, name, SECONDS, CONNECTIONS).result()
    assert not outcome.refused
    assert outcome.growth < MEMORY_LIMIT
    if name not in PATIENT:
        assert endings.total() - endings[OPEN] > 0
        assert outcome.named
