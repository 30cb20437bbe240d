"""Service level objectives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.business.streams import Event, TestClock, engine, spans

OBJECTIVE: dict[str, Any] = {
    "kind": "slo",
    "from": "spans",
    "good": "status.code != STATUS_CODE_ERROR",
    "objective": 0.9,
    "period": "30d",
    "burn_windows": ["5m", "6h"],
}


def told(steps: list[tuple[float, int, int]]) -> dict[str, float]:
    """What is told after steps: seconds after the one before, good items and bad ones."""
    clock = TestClock()
    made = engine(clock, {"x": OBJECTIVE})
    for wait, good, bad in steps:
        clock.seconds += wait
        at = clock.seconds - TestClock().seconds
        events = [Event(at)] * good + [Event(at, good=False)] * bad
        if events:
            made.take(spans(events))
        batch = made.due().batch
        made.forget()
    return {
        "/".join([row["metric"]["name"], *row.get("attributes", {}).values()]): row["as_double"]
        for row in (batch.rows() if batch else ())
    }


def test_the_budget_is_what_is_left_of_the_bad_items_that_are_allowed() -> None:
    assert told([(0, 95, 5)]) == pytest.approx(
        {"x": 0.95, "x_error_budget_remaining": 0.5, "x_burn_rate/5m": 0.5, "x_burn_rate/6h": 0.5}
    )


def test_burn_rates_are_those_of_the_last_time_of_their_length() -> None:
    found = told([(0, 100, 0), (7200, 50, 50), (3600, 90, 10)])
    assert found == pytest.approx(
        {
            "x": 240 / 300,
            "x_error_budget_remaining": 1 - 60 / 300 / 0.1,
            "x_burn_rate/5m": 0.1 / 0.1,
            "x_burn_rate/6h": 60 / 300 / 0.1,
        }
    )


def test_what_is_older_than_the_period_does_not_count() -> None:
    day = 86_400.0
    assert told([(0, 0, 100), (31 * day, 10, 0)])["x"] == 1.0
    assert told([(0, 0, 100), (29 * day, 100, 0)])["x"] == 0.5


def test_without_anything_there_is_nothing_to_tell() -> None:
    assert told([(0, 0, 0)]) == {}
    assert told([(0, 1, 0), (40 * 86_400.0, 0, 0)]) == {}
