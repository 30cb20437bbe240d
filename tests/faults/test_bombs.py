"""Small requests that ask for much are refused, whichever way they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.bombs import WAYS, empty_items, throw_all
from tests.faults.victim import MEMORY_LIMIT, MIB

if TYPE_CHECKING:
    from tests.faults.victim import Stand


def test_no_bomb_is_taken_or_takes_much_on_any_way_in_and_in_any_encoding(stand: Stand) -> None:
    with stand.attack() as outcome:
        blast = throw_all(stand)
    assert blast.taken == []
    assert blast.thrown >= 40
    assert blast.largest < MEMORY_LIMIT
    assert not outcome.refused
    assert set(outcome.named) >= {"bad_compression", "malformed", "too_large"}


EMPTY = empty_items(4 * MIB - 64)


@pytest.mark.parametrize("items", EMPTY)
def test_items_of_two_bytes_take_at_most_twenty_times_their_size(stand: Stand, items: str) -> None:
    body = EMPTY[items]
    with stand.attack(is_taken=True) as outcome:
        assert WAYS["otlp http protobuf"](stand.victim, body, "identity") == 200
    assert outcome.growth < 20 * len(body)
