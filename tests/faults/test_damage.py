"""What is damaged is refused as such: never with a 5xx, never with a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.damage import answers, damaged_heads, damaged_requests, statuses, valid_bodies

if TYPE_CHECKING:
    from tests.faults.victim import Stand

BODIES = 30


def test_a_body_with_any_byte_damaged_is_taken_or_refused_for_good(stand: Stand) -> None:
    with stand.attack(is_taken=True) as outcome:
        found = statuses(stand.victim.ports.http, damaged_requests(valid_bodies(BODIES)))
    assert set(found) <= {200, 400}
    assert found[400] > 1_000
    assert set(outcome.named) == {"bad_compression", "malformed"}
    assert not outcome.refused


@pytest.mark.parametrize("port", ["grpc", "http", "health", "metrics"])
def test_a_damaged_head_is_no_fault_of_the_server(stand: Stand, port: str) -> None:
    with stand.attack() as outcome:
        found = answers(getattr(stand.victim.ports, port), damaged_heads())
    assert not [status for status in found if status >= 500]
    assert not outcome.refused
