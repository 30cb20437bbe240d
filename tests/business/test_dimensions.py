"""How many values dimensions have room for."""

from __future__ import annotations

import numpy as np

from penstock.business.dimensions import OTHER, Bound
from penstock.pipeline import Column


def column(*values: str) -> Column:
    distinct = list(dict.fromkeys(values))
    codes = np.array([distinct.index(value) for value in values], dtype=np.uint32)
    return Column(codes, distinct)


def folded(bound: Bound, *values: str) -> list[str]:
    return bound.fold(column(*values), np.ones(len(values), dtype=np.bool_)).to_list()


def test_first_come_first_served() -> None:
    bound = Bound(2, keep=0)
    assert folded(bound, "a", "b", "c", "a") == ["a", "b", OTHER, "a"]
    assert folded(bound, "c", "b") == [OTHER, "b"]


def test_values_of_items_that_do_not_count_take_no_place() -> None:
    bound = Bound(1, keep=0)
    where = np.array([False, True])
    assert bound.fold(column("a", "b"), where).to_list()[1] == "b"
    assert folded(bound, "a", "b") == [OTHER, "b"]


def test_a_value_that_is_not_seen_any_more_gives_its_place_back() -> None:
    bound = Bound(1, keep=2)
    assert folded(bound, "a") == ["a"]
    bound.next_round()
    bound.next_round()
    assert folded(bound, "b") == [OTHER]
    bound.next_round()
    assert folded(bound, "b", "a") == ["b", OTHER]


def test_a_value_that_is_seen_keeps_its_place() -> None:
    bound = Bound(1, keep=1)
    for _ in range(5):
        assert folded(bound, "a", "b") == ["a", OTHER]
        bound.next_round()


def test_places_are_given_back_after_a_restart() -> None:
    bound = Bound(1, keep=1)
    bound.admit(["a"])
    assert folded(bound, "b", "a") == [OTHER, "a"]


def test_long_texts_get_no_place() -> None:
    bound = Bound(2, keep=0)
    assert folded(bound, "x" * 1024, "y" * 1025) == ["x" * 1024, OTHER]
