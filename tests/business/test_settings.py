"""What settings of indicators may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from penstock.business.settings import Settings
from penstock.config.load import load_text
from penstock.pipeline.errors import ConfigError

COUNT = {"kind": "count", "from": "spans", "window": "1m"}
RATIO = {"kind": "ratio", "from": "spans", "good": 'name == "a"', "window": "5m"}
VALUED = {"from": "spans", "value": 'attributes["n"]', "window": "5m"}


def refusal(indicators: dict[str, Any], **options: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"indicators": indicators, **options})
    return "\n".join(error["msg"] for error in caught.value.errors())


@pytest.mark.parametrize(
    ("indicator", "problem"),
    [
        ({"kind": "averag", **VALUED}, "found 'averag'; did you mean `average`?"),
        ({"from": "spans"}, "`kind` must be one of count, sum"),
        ({**COUNT, "window": "0s"}, "greater than or equal to 0.001"),
        ({**COUNT, "window": "99999999h"}, "less than or equal to 3153600000"),
        ({**COUNT, "window": "soon"}, "expected a duration such as 30s, 5m"),
        ({**COUNT, "window": {"length": "1m", "every": "7s"}}, "a whole number: found 7s in 1m"),
        ({**COUNT, "window": {"length": "1m", "every": "0s"}}, "equal to 0.001"),
        ({**COUNT, "window": {"calendar": "year"}}, "'day', 'week' or 'month'"),
        ({**COUNT, "objective": 0.9}, "the kind count makes no use of `objective`"),
        ({**COUNT, "where": "name = 1"}, "column 6"),
        ({**COUNT, "by": {"a": "nam"}}, "by.a: column 1: `nam` is not a path of span"),
        ({**COUNT, "by": {"a": {"value": "name", "limit": 0}}}, "greater than or equal to 1"),
        ({"kind": "average", "from": "spans", "window": "1m"}, "`value` must say which number"),
        ({"kind": "rate", "from": "spans"}, "Field required"),
        ({**RATIO, "warning": 0.9}, "`worse: above` or `worse: below`"),
        ({**RATIO, "target": 0.95, "warning": 0.8, "critical": 0.9}, "must lie between"),
        ({**RATIO, "warning": 0.9, "critical": 0.8, "worse": "above"}, "descend, against"),
        ({**RATIO, "worse": "above"}, "give one, or remove it"),
        ({"kind": "count", "from": "spans", "target": 5}, "need a `window`"),
        ({"kind": "histogram", **VALUED, "bounds": [2, 1]}, "in ascending order"),
        ({"kind": "apdex", **VALUED, "satisfied": 2, "tolerating": 1}, "must be less than"),
        ({"kind": "quantile", **VALUED, "quantile": 95}, "less than or equal to 1"),
        ({"kind": "utilisation", "from": "logs", "window": "1m"}, "Input should be 'spans'"),
    ],
)
def test_an_indicator_that_makes_no_sense_is_refused(indicator: Any, problem: str) -> None:
    assert problem in refusal({"x": indicator})


@pytest.mark.parametrize(
    ("indicators", "problem"),
    [
        ({"a": {"kind": "formula", "expression": "b + 1"}}, "there is no indicator `b`"),
        (
            {"task_s": COUNT, "a": {"kind": "formula", "expression": "tasks_ + 1"}},
            "did you mean `task_s`?",
        ),
        (
            {
                "a": {"kind": "formula", "expression": "b + 1"},
                "b": {"kind": "formula", "expression": "c"},
                "c": {"kind": "formula", "expression": "a * 2"},
            },
            "it is made of itself: a → b → c → a",
        ),
        (
            {
                "a": COUNT,
                "b": {**COUNT, "window": "5m"},
                "x": {"kind": "formula", "expression": "a / b"},
            },
            "`a` and `b` have different windows",
        ),
        (
            {
                "a": {**COUNT, "by": {"one": "name"}},
                "b": {**COUNT, "by": {"two": "name"}},
                "x": {"kind": "formula", "expression": "a / b"},
            },
            "have different dimensions",
        ),
        (
            {
                "a": {"kind": "histogram", **VALUED},
                "x": {"kind": "formula", "expression": "a * 2"},
            },
            "`a` has not one number",
        ),
        ({}, "`indicators` must define at least one"),
    ],
)
def test_indicators_that_do_not_fit_each_other_are_refused(
    indicators: dict[str, Any], problem: str
) -> None:
    assert problem in refusal(indicators)


def test_a_preset_is_added_to_and_replaced_by_name() -> None:
    own = {"workflow_success_rate": RATIO, "mine": COUNT}
    found = Settings.model_validate({"preset": "orchestrator_platform", "indicators": own})
    assert found.indicators["mine"].kind == "count"
    assert found.indicators["workflow_success_rate"].good == RATIO["good"]  # type: ignore[union-attr]
    assert "monthly_active_users" in found.indicators


def test_a_preset_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert "did you mean `agent_hive`?" in refusal({}, preset="agent_hiv")


def test_faults_come_with_their_place_in_the_file() -> None:
    text = """
receivers:
  otlp: {protocols: {grpc: {endpoint: localhost:0}}}
connectors:
  business_metrics:
    indicators:
      tasks:
        kind: count
        from: spans
        wher: name == "task"
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [business_metrics]}
    metrics: {receivers: [business_metrics], exporters: [nop]}
"""
    with pytest.raises(ConfigError) as caught:
        load_text(text, "gateway.yaml", {})
    place = "10:9  connectors.business_metrics.indicators.tasks.wher: unknown option; did you"
    assert place in str(caught.value)
    assert "did you mean `where`?" in str(caught.value)


def test_a_pipeline_of_what_no_indicator_is_made_of_is_refused() -> None:
    text = """
receivers:
  otlp: {protocols: {grpc: {endpoint: localhost:0}}}
connectors:
  business_metrics:
    indicators:
      tasks: {kind: count, from: spans}
exporters: {nop: }
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [business_metrics]}
    metrics: {receivers: [business_metrics], exporters: [nop]}
"""
    with pytest.raises(ConfigError, match="none of its indicators is made of logs"):
        load_text(text, "gateway.yaml", {})


def test_windows_move_by_every_but_those_of_the_calendar() -> None:
    month = {**COUNT, "window": {"calendar": "month"}}
    hour = {**COUNT, "window": {"length": "1h", "every": "5m"}}
    total = {"kind": "count", "from": "spans"}
    given = {"a": COUNT, "b": hour, "c": month, "d": total}
    found = Settings.model_validate({"indicators": given, "every": "15s"}).model_dump()
    windows = [it["window"] for it in found["indicators"].values()]
    assert windows[:2] == [{"length": "1m", "every": "15s"}, {"length": "1h", "every": "15s"}]
    assert windows[2:] == [{"calendar": "month"}, None]


def test_windows_of_a_preset_move_by_every() -> None:
    found = Settings.model_validate({"preset": "agent_hive", "every": "10s"}).indicators
    window = found["agent_hive_coordination_p95"].window  # type: ignore[union-attr]
    assert (window.length, window.every) == (300, 10)  # type: ignore[union-attr]


def test_windows_are_so_many_times_as_long_as_every() -> None:
    assert "a whole number: found 7s in 1m" in refusal({"a": COUNT}, every="7s")
