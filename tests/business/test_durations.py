"""How long it takes from one event to another."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.business.streams import TestClock, engine, logs, numbers

if TYPE_CHECKING:
    from penstock.business.engine import Engine

RECOVERY: dict[str, Any] = {
    "kind": "duration_between",
    "from": "logs",
    "key": 'attributes["incident"]',
    "begins": 'attributes["event"] == "failed"',
    "ends": 'attributes["event"] == "recovered"',
    "window": "1m",
    "timeout": "1h",
}


def made(**options: Any) -> Engine:
    return engine(TestClock(), {"x": {**RECOVERY, **options}}, allowed_lateness="1h")


def event(at: float, event: str, incident: str = "a") -> tuple[float, dict[str, Any]]:
    return at, {"event": event, "incident": incident}


@given(
    incidents=st.lists(st.tuples(st.integers(0, 250), st.integers(0, 250)), max_size=10),
    shuffled=st.randoms(use_true_random=False),
    size=st.integers(1, 5),
)
@settings(max_examples=25, deadline=None)
def test_durations_are_those_of_plain_python_in_whatever_order_events_come(
    incidents: list[tuple[int, int]], shuffled: Any, size: int
) -> None:
    events = [
        found
        for number, (begin, length) in enumerate(incidents)
        for found in (
            event(begin, "failed", str(number)),
            event(begin + length, "recovered", str(number)),
        )
    ]
    shuffled.shuffle(events)
    found = made()
    for first in range(0, len(events), size):
        found.take(logs(*events[first : first + size]))

    ends = {((begin + length) // 60 * 60 + 60) for begin, length in incidents}
    wanted = {
        (end, ""): fmean(length for begin, length in incidents if end - 60 <= begin + length < end)
        for end in ends
    }
    assert numbers([found.last()], "x") == pytest.approx(wanted)


def test_the_first_of_several_beginnings_counts() -> None:
    found = made(aggregate="max")
    found.take(logs(event(5, "failed"), event(9, "failed"), event(25, "recovered")))
    assert numbers([found.last()], "x") == {(60, ""): 20.0}


def test_what_takes_longer_than_the_timeout_is_counted_and_left_out() -> None:
    found = made(timeout="10s")
    found.take(logs(event(0, "failed"), event(30, "recovered")))
    assert numbers([found.last()], "x") == {}
    assert found.accounts["x"].left_out["timeout"] >= 1


def test_what_has_no_key_is_counted_and_left_out() -> None:
    found = made()
    found.take(logs((0, {"event": "failed"}), (1, {"event": "recovered"})))
    assert numbers([found.last()], "x") == {}
    assert found.accounts["x"].left_out == {"no_key": 2}


def test_keys_that_there_is_no_room_for_are_counted() -> None:
    found = made(max_pending=1)
    found.take(logs(event(0, "failed", "a"), event(1, "failed", "b")))
    assert found.accounts["x"].left_out == {"overflow": 1}
