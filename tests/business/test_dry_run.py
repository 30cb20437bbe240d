"""What indicators make of recorded telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from penstock.business.dry_run import Outcome, dry_run
from penstock.business.settings import Settings
from penstock.pipeline import Invalid, Signal
from tests.business.recordings import MINUTE, NOON, record, recorded, span

if TYPE_CHECKING:
    from pathlib import Path

N = 'attributes["n"]'

BY_AGENT = {"agent": 'attributes["agent"]'}
SHARE = {
    "kind": "ratio",
    "from": "spans",
    "good": "status.code != STATUS_CODE_ERROR",
    "window": "5m",
}


def run(*files: Path, lateness: str = "1m", **indicators: Any) -> Outcome:
    settings = {"allowed_lateness": lateness, "indicators": indicators}
    return dry_run(Settings.model_validate(settings), files)


def told(outcome: Outcome) -> list[tuple[str, float, dict[str, Any], float]]:
    """Name, minutes from noon to the window's end, attributes and number."""
    return [
        (it.indicator, (it.span.end - NOON) / MINUTE, dict(it.attributes), it.value)
        for it in outcome.numbers
    ]


def test_windows_go_by_the_time_of_events(tmp_path: Path) -> None:
    first = [span(1), span(2, status="ERROR")]
    second = [span(6), span(7)]
    outcome = run(recorded(tmp_path / "a.json", first, second), success=SHARE)
    assert told(outcome) == [("success", 5, {}, 0.5), ("success", 10, {}, 1.0)]
    assert [it.items for it in outcome.numbers] == [2, 2]


def test_files_of_the_same_time_go_by_together(tmp_path: Path) -> None:
    spans = recorded(tmp_path / "traces.json", [span(1)], [span(30)])
    records = recorded(tmp_path / "logs.json", [record(1)], [record(30)], signal=Signal.LOGS)
    counted = {"kind": "count", "from": "logs", "window": "5m", "by": {"all": '"all"'}}
    outcome = run(spans, records, success=SHARE, records=counted)
    assert told(outcome) == [
        ("success", 5, {}, 1.0),
        ("success", 35, {}, 1.0),
        ("records", 5, {"all": "all"}, 1),
        ("records", 35, {"all": "all"}, 1),
    ]
    assert not any(it.left_out for it in outcome.accounts.values())


def test_what_came_too_late_is_left_out(tmp_path: Path) -> None:
    file = recorded(tmp_path / "a.json", [span(1)], [span(7)], [span(2)])
    strict, patient = run(file, success=SHARE), run(file, lateness="5m", success=SHARE)
    assert strict.accounts["success"].left_out == {"late": 1}
    assert [it.items for it in strict.numbers] == [1, 1]
    assert [it.items for it in patient.numbers] == [2, 1]


def test_what_has_no_window_is_told_once(tmp_path: Path) -> None:
    file = recorded(tmp_path / "a.json", [span(1)], [span(30)], [span(60)])
    outcome = run(file, tasks={"kind": "count", "from": "spans"})
    assert [(it.value, it.span.start) for it in outcome.numbers] == [(3, 0)]


def test_a_day_is_told_once(tmp_path: Path) -> None:
    file = recorded(tmp_path / "a.json", [span(1)], [span(30)], [span(60)])
    tasks = {
        "kind": "count",
        "from": "spans",
        "window": {"calendar": "day"},
        "by": {"all": '"all"'},
    }
    outcome = run(file, tasks=tasks)
    assert told(outcome) == [("tasks", 12 * 60, {"all": "all"}, 3)]


def test_numbers_have_their_state_and_key(tmp_path: Path) -> None:
    items = [
        span(1, attributes={"agent": "a"}),
        span(1, attributes={"agent": "b"}, status="ERROR"),
        span(1),
    ]
    judged = {**SHARE, "by": BY_AGENT, "critical": 0.5, "worse": "below"}
    outcome = run(recorded(tmp_path / "a.json", items), success=judged)
    assert [(dict(it.attributes), it.state) for it in outcome.numbers] == [
        ({"agent": "a"}, "ok"),
        ({"agent": "b"}, "critical"),
    ]
    assert outcome.accounts["success"].left_out == {"missing_dimension": 1}


def test_formulas_are_calculated(tmp_path: Path) -> None:
    formula = {"kind": "formula", "expression": "success * 100"}
    file = recorded(tmp_path / "a.json", [span(1), span(2, status="ERROR")])
    outcome = run(file, success=SHARE, percent=formula)
    assert told(outcome)[1] == ("percent", 5, {}, 50.0)
    assert outcome.numbers[1].items is None


@pytest.mark.parametrize(
    ("options", "value", "items"),
    [
        ({"kind": "count"}, 3, 3),
        ({"kind": "sum", "value": N}, 7, 3),
        ({"kind": "average", "value": N, "window": "5m"}, 7 / 3, 3),
        ({"kind": "max", "value": N, "window": "5m"}, 4, 3),
        ({"kind": "quantile", "value": N, "quantile": 1, "window": "5m"}, 4, 3),
        ({"kind": "histogram", "value": N, "bounds": [1, 2]}, 7 / 3, 3),
        ({"kind": "distinct", "value": N, "window": "5m"}, 3, None),
        ({"kind": "utilisation", "window": "5m"}, 3 / 300, None),
        (
            {"kind": "apdex", "value": N, "satisfied": 1, "tolerating": 2, "window": "5m"},
            0.5,
            3,
        ),
        ({"kind": "slo", "good": f"{N} > 1", "objective": 0.9}, 2 / 3, 3),
    ],
)
def test_every_kind_has_its_number_and_items(
    tmp_path: Path, options: dict[str, Any], value: float, items: int | None
) -> None:
    spans = [span(minute, attributes={"n": n}) for minute, n in [(1, 1), (2, 2), (3, 4)]]
    outcome = run(recorded(tmp_path / "a.json", spans), x={"from": "spans", **options})
    (found,) = outcome.numbers
    assert found.value == pytest.approx(value, rel=0.02)
    assert found.items == items


def test_what_is_no_otlp_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("hello\n")
    with pytest.raises(Invalid, match=r"a\.json:1: expected a line of OTLP/JSON"):
        run(file, success=SHARE)
