"""Prometheus' rules of indicators."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.business.presets import names
from penstock.business.rules import Writer
from penstock.business.settings import Settings
from penstock.prometheus.names import Namer, Strategy

RATIO = {"kind": "ratio", "from": "spans", "good": "true", "window": "1m"}
COUNT = {"kind": "count", "from": "spans"}
SLO = {"kind": "slo", "from": "spans", "good": "true", "objective": 0.999}


def rules(namer: Namer | None = None, **indicators: Any) -> list[dict[str, Any]]:
    """The rules of indicators."""
    settings = Settings.model_validate({"indicators": indicators})
    group = Writer(namer or Namer(), "2m").group("shop", settings)
    assert group["name"] == "shop"
    found: list[dict[str, Any]] = group["rules"]
    return found


def alerts(**indicators: Any) -> list[tuple[str, str, str]]:
    """Name, severity and expression of each alert."""
    return [
        (it["alert"], it["labels"]["severity"], it["expr"])
        for it in rules(**indicators)
        if "alert" in it
    ]


def recorded(**indicators: Any) -> dict[str, str]:
    """What is recorded, by its name."""
    return {it["record"]: it["expr"] for it in rules(**indicators) if "record" in it}


def test_each_threshold_is_an_alert_of_its_severity() -> None:
    assert alerts(success={**RATIO, "warning": 0.95, "critical": 0.9}) == [
        ("Success", "warning", "success_ratio < 0.95"),
        ("Success", "critical", "success_ratio < 0.9"),
    ]
    assert alerts(task_errors={**RATIO, "critical": 0.05, "worse": "above"}) == [
        ("TaskErrors", "critical", "task_errors_ratio > 0.05")
    ]


def test_an_alert_says_what_it_is_about() -> None:
    by = {"agent": 'attributes["agent"]', "the.tenant": 'attributes["tenant"]'}
    told = {"description": "Share of {{ all }} tasks.", "warning": 0.9, "worse": "below"}
    (alert,) = rules(success={**RATIO, "by": by, **told})
    assert alert["for"] == "2m"
    assert alert["annotations"] == {
        "summary": "success, agent {{ $labels.agent }}, the_tenant {{ $labels.the_tenant }}"
        ' is below 0.9: {{ printf "%.4g" $value }}',
        "description": 'Share of {{ "{{" }} all }} tasks.',
    }


def test_whether_a_target_is_met_is_recorded() -> None:
    judged = {"target": 0.95, "warning": 0.9}
    assert recorded(success={**RATIO, **judged}) == {
        "business:success:on_target": "success_ratio >= bool 0.95"
    }
    judged = {"target": 0.01, "warning": 0.05}
    assert recorded(errors={**RATIO, **judged}) == {
        "business:errors:on_target": "errors_ratio <= bool 0.01"
    }


def test_nothing_is_recorded_of_a_target_whose_better_side_is_not_known() -> None:
    assert rules(success={**RATIO, "target": 0.95}) == []


@pytest.mark.parametrize(
    ("window", "series"),
    [
        ("4m", "success_ratio"),
        ("5m", "last_over_time(success_ratio[6m])"),
        ({"length": "1h", "every": "1m"}, "success_ratio"),
        ({"length": "1h", "every": "10m"}, "last_over_time(success_ratio[11m])"),
        ({"calendar": "month"}, "success_ratio"),
    ],
)
def test_numbers_that_come_seldom_count_until_the_next_one(window: Any, series: str) -> None:
    judged = {"target": 0.95, "critical": 0.9, "window": window}
    met, alert = rules(success={**RATIO, **judged})
    assert met["expr"] == f"{series} >= bool 0.95"
    assert alert["expr"] == f"{series} < 0.9"


def test_formulas_come_as_often_as_what_they_are_made_of() -> None:
    formula = {"kind": "formula", "expression": "success * 100", "warning": 90, "worse": "below"}
    (alert,) = rules(success={**RATIO, "window": "1h"}, percent=formula)
    assert alert["expr"] == "last_over_time(percent[61m]) < 90"


def test_rates_of_counters_are_recorded() -> None:
    by = {"agent": 'attributes["agent"]'}
    assert recorded(tasks=COUNT, by_agent={**COUNT, "by": by}) == {
        "business:tasks:rate_5m": "sum(rate(tasks_total[5m]))",
        "business:by_agent:rate_5m": "sum by (agent) (rate(by_agent_total[5m]))",
    }


def test_a_count_of_a_window_has_no_rate() -> None:
    assert rules(tasks={**COUNT, "window": "1h"}) == []


def test_quantiles_of_histograms_are_recorded() -> None:
    one = {"kind": "histogram", "from": "datapoints", "unit": "s", "by": {"a": 'attributes["a"]'}}
    explicit = recorded(wait={**one, "bounds": [1, 2]})
    exponential = recorded(wait=one)
    assert explicit.keys() == exponential.keys()
    assert [it.rpartition(":")[2] for it in explicit] == ["p50_5m", "p95_5m", "p99_5m"]
    assert explicit["business:wait:p95_5m"] == (
        "histogram_quantile(0.95, sum by (le, a) (rate(wait_seconds_bucket[5m])))"
    )
    assert exponential["business:wait:p95_5m"] == (
        "histogram_quantile(0.95, sum by (a) (rate(wait_seconds[5m])))"
    )


def burning(factor: str, *windows: str) -> str:
    """That a budget burns at least so fast in all these times."""
    each = [f'up_burn_rate{{window="{window}"}} > {factor}' for window in windows]
    return " and ignoring (window) ".join(each)


def test_budgets_burn_in_a_long_and_in_a_short_time_before_somebody_is_told() -> None:
    assert alerts(up=SLO) == [
        ("UpBurnRate", "critical", burning("14.4", "1h", "5m")),
        ("UpBurnRate", "critical", burning("6", "6h", "1h")),
        ("UpBurnRate", "warning", burning("1", "3d", "6h")),
    ]
    labels = [it["labels"]["window"] for it in rules(up=SLO)]
    assert labels == ["1h", "6h", "3d"]


def test_names_that_prometheus_2_could_not_have_are_quoted() -> None:
    found = {**RATIO, "by": {"a.b": 'attributes["a"]'}, "critical": 0.5, "worse": "below"}
    window = {"kind": "count", "from": "spans", "by": {"a.b": 'attributes["a"]'}}
    rate, alert = rules(
        Namer(Strategy.UTF8_AND_SUFFIXES), **{"task.success": found, "tasks": window}
    )
    assert rate["expr"] == 'sum by ("a.b") (rate(tasks_total[5m]))'
    assert alert["alert"] == "TaskSuccess"
    assert alert["expr"] == '{"task.success_ratio"} < 0.5'
    assert '{{ index $labels "a.b" }}' in alert["annotations"]["summary"]


@pytest.mark.parametrize("preset", names())
def test_every_preset_has_rules_and_no_two_are_of_the_same(preset: str) -> None:
    found = Writer(Namer(), "1m").group(preset, Settings(preset=preset))["rules"]
    keys = [(it.get("record", it.get("alert")), str(it.get("labels"))) for it in found]
    assert found
    assert len(set(keys)) == len(keys)
