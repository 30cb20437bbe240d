"""Durations between beginnings and ends, against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline.panes import Pairs

SECOND = 1_000_000_000
BEGINS, ENDS, BOTH = 1, 2, 3

Event = tuple[int, int, int]
"""A key, a role and a time in seconds."""

EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 30)), max_size=30)


def match(pairs: Pairs, events: list[Event]) -> tuple[list[tuple[int, float]], int, int]:
    hashes = np.array([key for key, _, _ in events], dtype=np.uint64)
    roles = np.array([role for _, role, _ in events], dtype=np.uint8)
    times = np.array([time * SECOND for _, _, time in events], dtype=np.int64)
    positions, seconds, late, full = pairs.match(hashes, roles, times)
    return list(zip(positions.tolist(), seconds.tolist(), strict=True)), late, full


def reference(waiting: dict[int, list[int | None]], events: list[Event]) -> list[tuple[int, float]]:
    """What is said of pairs: the first beginning, and the first end after it, whichever comes."""
    found = []
    order = sorted(range(len(events)), key=lambda at: (events[at][2], events[at][1] == ENDS))
    for at in order:
        key, role, time = events[at]
        half = waiting.setdefault(key, [None, None])
        begun, ended = half
        if role == BEGINS and ended is not None and ended >= time:
            found.append((at, float(ended - time)))
            half[1] = None
        elif role == BEGINS:
            waiting[key] = [time if begun is None else min(begun, time), None]
        elif role == ENDS and begun is not None and begun <= time:
            found.append((at, float(time - begun)))
            half[0] = None
        elif role == ENDS:
            half[1] = time if ended is None else min(ended, time)
    return found


@given(EVENTS, st.integers(1, 10))
def test_pairs_are_those_of_a_plain_loop_in_whatever_batches(
    events: list[Event], size: int
) -> None:
    pairs = Pairs(limit=100, timeout=1000)
    waiting: dict[int, list[int | None]] = {}
    for at in range(0, len(events), size):
        some = events[at : at + size]
        assert match(pairs, some) == (reference(waiting, some), 0, 0)
    left = sum(half != [None, None] for half in waiting.values())
    assert pairs.size()[0] == left


@given(EVENTS, st.integers(1, 10))
def test_what_waits_is_saved_and_taken_back(events: list[Event], size: int) -> None:
    pairs = Pairs(limit=100, timeout=1000, tracked=True)
    store: dict[bytes, bytes] = {}
    for at in range(0, len(events), size):
        match(pairs, events[at : at + size])
        for key, record in pairs.changes():
            store.pop(key, None)
            if record is not None:
                store[key] = record
    again = Pairs(limit=100, timeout=1000, tracked=True)
    assert again.restore(list(store.items())) == 0
    assert again.size()[0] == pairs.size()[0]
    ends = [(key, ENDS, 40) for key in range(4)]
    assert match(again, ends) == match(pairs, ends)


def test_an_end_may_come_before_its_beginning() -> None:
    pairs = Pairs(limit=10, timeout=100)
    assert match(pairs, [(1, ENDS, 9)]) == ([], 0, 0)
    assert match(pairs, [(1, BEGINS, 4)]) == ([(0, 5.0)], 0, 0)
    assert pairs.size()[0] == 0


def test_what_is_both_ends_what_was_begun_and_begins_anew() -> None:
    pairs = Pairs(limit=10, timeout=100)
    assert match(pairs, [(1, BOTH, 1), (1, BOTH, 3), (1, BOTH, 8)]) == ([(1, 2.0), (2, 5.0)], 0, 0)
    assert match(pairs, [(1, BOTH, 12)]) == ([(0, 4.0)], 0, 0)


def test_pairs_that_took_longer_than_the_time_out_are_counted() -> None:
    pairs = Pairs(limit=10, timeout=5)
    assert match(pairs, [(1, BEGINS, 0), (1, ENDS, 6)]) == ([], 1, 0)
    assert pairs.size()[0] == 0


def test_what_waits_too_long_is_forgotten() -> None:
    pairs = Pairs(limit=10, timeout=5, tracked=True)
    match(pairs, [(1, BEGINS, 0), (2, BEGINS, 4)])
    pairs.changes()
    assert pairs.expire(6 * SECOND) == 1
    assert [record for _, record in pairs.changes()] == [None]
    assert match(pairs, [(1, ENDS, 6), (2, ENDS, 6)])[0] == [(1, 2.0)]


def test_events_that_there_is_no_room_for_are_counted() -> None:
    pairs = Pairs(limit=2, timeout=100)
    events = [(1, BEGINS, 0), (2, BEGINS, 0), (3, BEGINS, 0), (1, ENDS, 1)]
    assert match(pairs, events) == ([(3, 1.0)], 0, 1)


@given(st.binary(max_size=12), st.binary(max_size=40))
def test_what_never_was_a_record_is_damage(key: bytes, record: bytes) -> None:
    assert Pairs(limit=10, timeout=100).restore([(key, record)]) == 1


def test_columns_of_different_lengths_are_refused() -> None:
    pairs = Pairs(limit=10, timeout=100)
    with pytest.raises(ValueError, match="expected 2 values, found 1"):
        pairs.match(np.zeros(2, np.uint64), np.zeros(1, np.uint8), np.zeros(2, np.int64))
