"""Every kind of indicator, against what plain Python makes of the same events."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.business.clocks import EventClock
from penstock.business.lengths import LONGEST
from penstock.pipeline import Signal
from penstock.testing.encode import batch_of
from penstock.testing.items import SpanItem
from tests.business.streams import (
    BEGIN,
    SECOND,
    Event,
    Step,
    TestClock,
    engine,
    expected,
    numbers,
    played,
    spans,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH, LATENESS = 60, 20

EVENTS = st.builds(
    Event,
    at=st.integers(-100, 700).map(float),
    agent=st.sampled_from(["a", "b", ""]),
    value=st.integers(-5, 5).map(float),
    seconds=st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    good=st.booleans(),
    user=st.sampled_from("uvwx"),
)
STREAMS = st.lists(
    st.builds(
        Step,
        wait=st.integers(0, 90).map(float),
        events=st.lists(EVENTS, max_size=12),
        tells=st.booleans(),
    ),
    max_size=8,
)
"""Events of some minutes: shuffled, late, in the future, without an agent."""

ELAPSED = "(end_time_unix_nano - start_time_unix_nano) / 1000000000.0"


def good_share(events: list[Event]) -> float:
    return sum(event.good for event in events) / len(events)


def apdex(events: list[Event]) -> float:
    scores = [1 if it.seconds <= 0.5 else 0.5 if it.seconds <= 2 else 0 for it in events]
    return sum(scores) / len(events)


def newest(events: list[Event]) -> float:
    return max(events, key=lambda event: event.at).value


KINDS: dict[str, tuple[dict[str, Any], Callable[[list[Event]], float]]] = {
    "count": ({}, len),
    "sum": ({"value": 'attributes["value"]'}, lambda it: math.fsum(e.value for e in it)),
    "rate": ({"per": "1m"}, len),
    "average": ({"value": 'attributes["value"]'}, lambda it: fmean(e.value for e in it)),
    "min": ({"value": 'attributes["value"]'}, lambda it: min(e.value for e in it)),
    "max": ({"value": 'attributes["value"]'}, lambda it: max(e.value for e in it)),
    "distinct": ({"value": 'attributes["user"]'}, lambda it: len({e.user for e in it})),
    "ratio": ({"good": "status.code != STATUS_CODE_ERROR"}, good_share),
    "apdex": ({"value": ELAPSED, "satisfied": 0.5, "tolerating": 2}, apdex),
}


SLO = {"kind": "slo", "from": "spans", "good": "true", "objective": 0.9}


def indicator(kind: str, **more: Any) -> dict[str, Any]:
    options = KINDS[kind][0]
    by = {"agent": 'attributes["agent"]'}
    return {"kind": kind, "from": "spans", "by": by, "window": "1m", **options, **more}


@given(steps=STREAMS)
@settings(max_examples=25, deadline=None)
def test_windows_are_what_plain_python_makes_of_their_events(steps: list[Step]) -> None:
    clock = TestClock()
    made = engine(clock, {kind: indicator(kind) for kind in KINDS}, allowed_lateness="20s")
    told = played(made, clock, steps)

    def ends(at: float) -> list[int]:
        return [int(at // LENGTH * LENGTH + LENGTH)]

    for kind, (_, number) in KINDS.items():
        wanted = expected(steps, ends, number, pane=LENGTH, lateness=LATENESS)
        assert numbers(told, kind) == pytest.approx(wanted)


@given(steps=STREAMS)
@settings(max_examples=20, deadline=None)
def test_sliding_windows_hold_the_events_of_each_length_of_time(steps: list[Step]) -> None:
    clock = TestClock()
    window = {"length": "3m", "every": "1m"}
    made = engine(clock, {"x": indicator("sum", window=window)}, allowed_lateness="20s")
    told = numbers(played(made, clock, steps), "x")

    def ends(at: float) -> list[int]:
        first = int(at // LENGTH * LENGTH + LENGTH)
        return [first, first + LENGTH, first + 2 * LENGTH]

    wanted = expected(steps, ends, KINDS["sum"][1], pane=LENGTH, lateness=LATENESS)
    before = {end for end, _ in wanted if end <= -LATENESS // LENGTH * LENGTH}
    assert told == pytest.approx({it: n for it, n in wanted.items() if it[0] not in before})


@given(steps=STREAMS)
@settings(max_examples=20, deadline=None)
def test_what_does_not_count_is_accounted_for(steps: list[Step]) -> None:
    clock = TestClock()
    made = engine(clock, {"x": indicator("count")}, allowed_lateness="20s")
    told = numbers(played(made, clock, steps), "x")

    account = made.accounts["x"]
    assert account.matched == sum(len(step.events) for step in steps)
    assert account.matched == sum(told.values()) + sum(account.left_out.values())


@given(
    values=st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200),
    share=st.sampled_from([0.0, 0.5, 0.9, 0.95, 1.0]),
)
@settings(max_examples=20, deadline=None)
def test_quantiles_are_as_near_as_they_say(values: list[float], share: float) -> None:
    clock = TestClock()
    options = {"value": 'attributes["value"]', "quantile": share, "relative_error": 0.01}
    made = engine(clock, {"x": {"kind": "quantile", "from": "spans", "window": "1m", **options}})
    made.take(spans(Event(at=1, value=value) for value in values))
    told = numbers([made.last()], "x")[LENGTH, ""]

    ordered = sorted(values)
    low = ordered[max(0, math.ceil(share * len(values) - 1e-9) - 1)]
    high = ordered[min(len(values) - 1, math.floor(share * len(values) + 1e-9))]
    assert low * 0.99 <= told <= high * 1.01


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 90)), max_size=20))
@settings(max_examples=20, deadline=None)
def test_time_in_which_several_things_go_on_is_busy_once(tasks: list[tuple[int, int]]) -> None:
    clock = TestClock()
    made = engine(
        clock,
        {"x": {"kind": "utilisation", "from": "spans", "window": "1m"}},
        allowed_lateness="5m",
    )
    if tasks:
        made.take(spans(Event(at=end, seconds=length) for end, length in tasks))
    told = numbers([made.last()], "x")

    busy = {second for end, length in tasks for second in range(end - length, end)}
    for minute in range(4):
        inside = sum(minute * LENGTH <= second < (minute + 1) * LENGTH for second in busy)
        assert told.get(((minute + 1) * LENGTH, ""), 0.0) == pytest.approx(inside / LENGTH)


@given(steps=STREAMS)
@settings(max_examples=8, deadline=None)
def test_several_that_share_the_keys_tell_what_one_tells(steps: list[Step]) -> None:
    def told(agents: set[str]) -> dict[str, Any]:
        clock = TestClock()
        made = engine(clock, {kind: indicator(kind) for kind in KINDS}, allowed_lateness="20s")
        mine = [
            replace(step, events=[it for it in step.events if it.agent in agents]) for step in steps
        ]
        found = played(made, clock, mine)
        return {kind: numbers(found, kind) for kind in KINDS}

    alone, one, other = told({"a", "b"}), told({"a"}), told({"b"})
    assert alone == {kind: one[kind] | other[kind] for kind in KINDS}


def test_last_is_the_value_of_the_newest_event_whenever_it_comes() -> None:
    clock = TestClock()
    made = engine(clock, {"x": indicator("average") | {"kind": "last"}})
    made.take(spans([Event(at=30, value=3), Event(at=50, value=5)]))
    made.take(spans([Event(at=40, value=4)]))
    assert numbers([made.last()], "x") == {(LENGTH, "a"): 5.0}


def test_without_a_window_a_count_grows_and_a_gauge_stays() -> None:
    clock = TestClock()
    made = engine(
        clock,
        {
            "total": {"kind": "count", "from": "spans"},
            "greatest": {"kind": "max", "from": "spans", "value": 'attributes["value"]'},
        },
    )
    for value in (3.0, 1.0):
        made.take(spans([Event(at=0, value=value)]))
        made.due()
        made.forget()
    clock.seconds += 1000
    told = made.due()
    now = clock.now() // SECOND - BEGIN
    assert numbers([told], "total") == {(now, ""): 2.0}
    assert numbers([told], "greatest") == {(now, ""): 3.0}


def test_a_window_in_which_nothing_happened_has_a_count_of_zero() -> None:
    clock = TestClock()
    made = engine(clock, {"x": {"kind": "count", "from": "spans", "window": "1m"}})
    made.take(spans([Event(at=70)]))
    clock.seconds += 240
    assert numbers([made.due()], "x") == {(60, ""): 0, (120, ""): 1, (180, ""): 0}


def test_a_calendar_window_is_told_before_it_is_over() -> None:
    clock = TestClock()
    users = {"kind": "distinct", "from": "spans", "value": 'attributes["user"]'}
    made = engine(clock, {"x": {**users, "window": {"calendar": "month"}}})
    made.take(spans([Event(at=10, user="u"), Event(at=11, user="v")]))
    clock.seconds += 3600
    told = made.due()
    assert numbers([told], "x") == {(3600, ""): 2.0}


def test_a_calendar_window_that_has_just_begun_has_no_number_yet() -> None:
    clock = TestClock()
    rate = {"kind": "rate", "from": "spans", "window": {"calendar": "day"}}
    made = engine(clock, {"x": rate}, allowed_lateness="0s")
    assert numbers([made.due()], "x") == {}


def test_thresholds_make_a_state_and_a_target_is_told() -> None:
    clock = TestClock()
    made = engine(clock, {"x": indicator("ratio", target=0.95, warning=0.9, critical=0.5)})
    made.take(spans([Event(at=1, good=True), Event(at=1, agent="b", good=False)]))
    rows = made.last().batch.rows()  # type: ignore[union-attr]
    found = {
        (row["metric"]["name"], row.get("attributes", {}).get("agent")): row.get(
            "as_int", row.get("as_double")
        )
        for row in rows
    }
    assert found == {
        ("x", "a"): 1.0,
        ("x", "b"): 0.0,
        ("x_target", None): 0.95,
        ("x_state", "a"): 0,
        ("x_state", "b"): 2,
    }


def test_a_failing_condition_is_counted_and_the_item_does_not_count() -> None:
    clock = TestClock()
    condition = 'Substring(attributes["user"], 0, 2) == "uu"'
    made = engine(clock, {"x": indicator("count", where=condition)})
    made.take(spans([Event(at=1, user="u"), Event(at=1, user="uu")]))
    assert numbers([made.last()], "x") == {(LENGTH, "a"): 1.0}
    assert made.accounts["x"].left_out == {"condition": 1}


def test_values_that_are_no_numbers_are_left_out_and_counted() -> None:
    clock = TestClock()
    made = engine(clock, {"x": indicator("average", value='attributes["user"]')})
    made.take(spans([Event(at=1, user="much"), Event(at=1, user="7")]))
    assert numbers([made.last()], "x") == {(LENGTH, "a"): 7.0}
    assert made.accounts["x"].left_out == {"not_a_number": 1}


def test_what_comes_too_late_or_from_a_clock_that_is_ahead_is_counted() -> None:
    clock = TestClock()
    made = engine(clock, {"x": indicator("count")}, allowed_lateness="20s")
    clock.seconds += 141
    made.take(spans([Event(at=119), Event(at=120), Event(at=141 + 600), Event(at=142 + 600)]))
    assert sum(numbers([made.last()], "x").values()) == 2
    assert made.accounts["x"].left_out == {"late": 1, "future": 1}


def test_negative_values_do_not_go_into_what_only_grows() -> None:
    clock = TestClock()
    growing = {"kind": "sum", "from": "spans", "value": 'attributes["value"]'}
    made = engine(clock, {"x": growing, "y": {**growing, "monotonic": False}})
    made.take(spans([Event(at=1, value=-2.0), Event(at=1, value=5.0)]))
    told = made.last()
    assert set(numbers([told], "x").values()) == {5.0}
    assert set(numbers([told], "y").values()) == {3.0}
    assert made.accounts["x"].left_out == {"negative": 1}


def test_a_dimension_over_its_limit_goes_under_other() -> None:
    clock = TestClock()
    by = {"agent": {"value": 'attributes["agent"]', "limit": 2}}
    made = engine(clock, {"x": indicator("count", by=by)})
    made.take(spans([Event(at=1, agent=agent) for agent in "abcd"]))
    assert numbers([made.last()], "x") == {(60, "a"): 1, (60, "b"): 1, (60, "other"): 2}
    assert made.accounts["x"].folded == {"agent": 2}


def test_a_dimension_that_is_missing_has_its_default() -> None:
    clock = TestClock()
    by = {"agent": {"value": 'attributes["agent"]', "default": "nobody"}}
    made = engine(clock, {"x": indicator("count", by=by)})
    made.take(spans([Event(at=1, agent="")]))
    assert numbers([made.last()], "x") == {(60, "nobody"): 1}


def test_keys_over_the_limit_are_put_together() -> None:
    clock = TestClock()
    made = engine(clock, {"x": indicator("count", limit=1)})
    made.take(spans([Event(at=1, agent=agent) for agent in "abc"]))
    assert numbers([made.last()], "x") == {(60, "a"): 1, (60, ""): 2}
    assert made.accounts["x"].left_out == {"overflow": 2}


def test_what_of_a_span_is_in_a_window_that_is_complete_is_late() -> None:
    clock = TestClock()
    busy = {"kind": "utilisation", "from": "spans", "window": "1m"}
    made = engine(clock, {"x": busy}, allowed_lateness="20s")
    clock.seconds += 90
    made.take(spans([Event(at=66, seconds=20)]))
    assert numbers([made.last()], "x") == pytest.approx({(90, ""): 6 / 30})


def test_a_span_without_a_beginning_makes_nobody_busy() -> None:
    clock = TestClock()
    made = engine(clock, {"x": {"kind": "utilisation", "from": "spans", "window": "1m"}})
    made.take(spans([Event(at=30, seconds=BEGIN + 30)]))
    assert numbers([made.last()], "x") == {}
    assert made.accounts["x"].left_out == {"not_a_number": 1}


def test_the_longest_times_that_settings_may_have_fit_into_the_numbers_of_the_kernel() -> None:
    clock = TestClock(time.time(), skew=LONGEST)
    window = {"length": "36500d", "every": "3650d"}
    indicators = {"x": indicator("count", window=window), "y": {**SLO, "period": "36500d"}}
    made = engine(clock, indicators, allowed_lateness="876000h", max_clock_skew="876000h")
    made.take(spans([Event(at=-BEGIN + 1), Event(at=1), Event(at=200 * 365 * 86_400.0)]))
    made.due()
    made.last()
    assert made.accounts["x"].matched == 3


def test_times_before_1970_are_late_also_where_time_is_that_of_events() -> None:
    made = engine(EventClock(), {"x": indicator("count", window="1s"), "y": SLO})
    made.take(spans([Event(at=-BEGIN + 1.5)]))
    made.take(batch_of(Signal.TRACES, [SpanItem(start=1, end=2**64 - 5 * SECOND)]))
    assert numbers([made.last()], "x") == {(-BEGIN + 2, "a"): 1.0}
    assert made.accounts["x"].left_out == {"late": 1}
