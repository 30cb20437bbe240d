"""What is added up outlives restarts, whenever they come."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.business.state import State
from tests.business.streams import Event, TestClock, engine, logs, numbers, spans
from tests.business.test_durations import RECOVERY, event
from tests.business.test_engine import KINDS, STREAMS, indicator

if TYPE_CHECKING:
    from tests.business.streams import Step

LOGGER = logging.getLogger("test")
INDICATORS: dict[str, Any] = {
    **{kind: indicator(kind) for kind in KINDS},
    "sliding": indicator("sum", window={"length": "3m", "every": "1m"}),
    "month": indicator("distinct", window={"calendar": "month"}),
    "total": {"kind": "count", "from": "spans"},
    "p90": indicator("average") | {"kind": "quantile", "quantile": 0.9},
    "busy": {"kind": "utilisation", "from": "spans", "window": "1m"},
}


class Disk(dict[bytes, bytes]):
    """Keeps records as a storage does."""

    def write(self, changes: dict[bytes, bytes | None]) -> None:
        for key, value in changes.items():
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value


class Run:
    """An engine whose changes are stored after every step, and which may be started anew."""

    def __init__(self, clock: TestClock, indicators: dict[str, Any]) -> None:
        self.disk = Disk()
        self._clock = clock
        self._indicators = indicators
        self.start()

    def start(self) -> None:
        self.engine = engine(self._clock, self._indicators, tracked=True, allowed_lateness="20s")
        self._state = State(self.engine, LOGGER)
        self.disk.write(self._state.restore(sorted(self.disk.items())))

    def save(self) -> None:
        self.disk.write(self._state.changes())


def told(steps: list[Step], restarts: set[int]) -> dict[str, Any]:
    clock = TestClock()
    run = Run(clock, INDICATORS)
    found = []
    for number, step in enumerate(steps):
        clock.seconds += step.wait
        if number in restarts:
            run.start()
        if step.events:
            run.engine.take(spans(step.events))
        run.save()
        if step.tells:
            found.append(run.engine.due())
            run.engine.forget()
            run.save()
    clock.seconds += 1000
    found.append(run.engine.due())
    return {name: numbers(found, name) for name in INDICATORS}


@given(steps=STREAMS, restarts=st.sets(st.integers(0, 7)))
@settings(max_examples=8, deadline=None)
def test_who_is_started_anew_tells_what_who_was_not_tells(
    steps: list[Step], restarts: set[int]
) -> None:
    restarted, ran_on = told(steps, restarts), told(steps, set())
    for name in INDICATORS:
        assert restarted[name] == pytest.approx(ran_on[name]), name


def test_what_waits_for_its_other_event_waits_on() -> None:
    run = Run(TestClock(), {"x": RECOVERY})
    run.engine.take(logs(event(1, "failed")))
    run.save()
    run.start()
    run.engine.take(logs(event(31, "recovered")))
    assert numbers([run.engine.last()], "x") == {(60, ""): 30.0}


def test_what_is_passed_on_is_stored_no_more() -> None:
    clock = TestClock()
    run = Run(clock, {"x": indicator("count")})
    run.save()
    empty = set(run.disk)
    run.engine.take(spans([Event(1)]))
    run.save()
    assert set(run.disk) > empty
    clock.seconds += 1000
    run.engine.due()
    run.engine.forget()
    run.save()
    assert set(run.disk) == empty


def test_what_could_not_be_passed_on_is_told_again_after_a_restart() -> None:
    clock = TestClock()
    run = Run(clock, {"x": indicator("count")})
    run.engine.take(spans([Event(1)]))
    run.save()
    clock.seconds += 1000
    assert numbers([run.engine.due()], "x") == {(60, "a"): 1.0}
    run.save()
    run.start()
    assert numbers([run.engine.due()], "x") == {(60, "a"): 1.0}


def test_records_of_indicators_that_are_gone_are_removed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = TestClock()
    run = Run(clock, {"x": indicator("count"), "y": indicator("count")})
    run.engine.take(spans([Event(1)]))
    run.save()
    before = len(run.disk)
    other = Run(clock, {"x": indicator("count")})
    other.disk = run.disk
    other.start()
    other.save()
    assert len(other.disk) == before / 2
    assert "y is not defined any more" in caplog.text


def test_damaged_records_are_left_out_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    run = Run(TestClock(), {"x": indicator("count")})
    run.engine.take(spans([Event(1, "a"), Event(1, "b")]))
    run.save()
    key = next(key for key in run.disk if not key.startswith(b"about/"))
    run.disk[key] = b"\xff" * 5
    run.start()
    assert len(numbers([run.engine.last()], "x")) == 1
    assert "1 stored records were damaged" in caplog.text


def test_a_dimension_has_its_values_after_a_restart() -> None:
    by = {"agent": {"value": 'attributes["agent"]', "limit": 1}}
    run = Run(TestClock(), {"x": indicator("count", by=by)})
    run.engine.take(spans([Event(1, "a")]))
    run.save()
    run.start()
    run.engine.take(spans([Event(1, "b"), Event(1, "a")]))
    assert numbers([run.engine.last()], "x") == {(60, "a"): 2.0, (60, "other"): 1.0}
