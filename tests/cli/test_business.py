"""The commands about indicators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from penstock.business.presets import names
from penstock.cli.commands import app
from tests.business.recordings import recorded, span

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = """
receivers: {otlp: {protocols: {grpc: {}}}}
connectors:
  business_metrics:
    indicators:
      success: {kind: ratio, from: spans, good: 'true', window: 1m, critical: 0.9, worse: below}
  business_metrics/more:
    indicators:
      orders: {kind: count, from: spans}
exporters:
  debug: {}
  prometheus: {endpoint: "127.0.0.1:0", namespace: shop}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [business_metrics, business_metrics/more]}
    metrics: {receivers: [business_metrics], exporters: [debug, prometheus]}
    metrics/more: {receivers: [business_metrics/more], exporters: [debug]}
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """Settings with two sets of indicators."""
    file = tmp_path / "gateway.yaml"
    file.write_text(GATEWAY)
    return file


def penstock(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["business", *map(str, arguments)])


def groups(result: Result) -> list[dict[str, Any]]:
    """The groups of rules that were printed."""
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = yaml.safe_load(result.stdout)["groups"]
    return found


def test_rules_are_a_group_for_each_set_of_indicators(gateway: Path) -> None:
    first, second = groups(penstock("rules", "--config", gateway))
    assert (first["name"], second["name"]) == ("business_metrics", "business_metrics/more")


def test_series_are_named_as_the_exporter_to_prometheus_names_them(gateway: Path) -> None:
    first, second = groups(penstock("rules", "--config", gateway))
    assert first["rules"][0]["expr"] == "shop_success_ratio < 0.9"
    assert second["rules"][0]["expr"] == "sum(rate(orders_total[5m]))"


def test_how_long_it_must_be_bad_can_be_chosen(gateway: Path) -> None:
    (first, _) = groups(penstock("rules", "--config", gateway, "--for", "10m"))
    assert first["rules"][0]["for"] == "10m"
    result = penstock("rules", "--config", gateway, "--for", "soon")
    assert result.exit_code == 2
    assert "such as 30s or 5m" in result.stderr


@pytest.mark.parametrize("preset", names())
def test_rules_of_a_preset_need_no_settings(preset: str) -> None:
    (group,) = groups(penstock("rules", "--preset", preset))
    assert group["name"] == preset


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "either settings with --config, or the name of a preset"),
        (("--preset", "agent_hives"), "did you mean `agent_hive`?"),
    ],
)
def test_something_has_to_be_chosen(arguments: tuple[str, ...], told: str) -> None:
    result = penstock("rules", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_settings_without_indicators_have_no_rules(tmp_path: Path) -> None:
    file = tmp_path / "plain.yaml"
    pipelines = "{traces: {receivers: [otlp], exporters: [nop]}}"
    file.write_text(
        "receivers: {otlp: {protocols: {grpc: {}}}}\nexporters: {nop: {}}\n"
        f"service: {{pipelines: {pipelines}}}\n"
    )
    result = penstock("rules", "--config", file)
    assert result.exit_code == 2
    assert "no `business_metrics` is defined" in result.stderr


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    """Four tasks of five minutes, of which one failed and one has no agent."""
    statuses = ["OK", "OK", "ERROR"]
    spans = [span(1, status=status, attributes={"agent": "a"}) for status in statuses]
    return recorded(tmp_path / "recorded.json", [*spans, span(1)])


TASKS = """
receivers: {otlp: {protocols: {grpc: {}}}}
connectors:
  business_metrics:
    indicators:
      success:
        kind: ratio
        from: spans
        good: status.code != STATUS_CODE_ERROR
        by: {agent: 'attributes["agent"]'}
        window: 5m
        critical: 0.9
        worse: below
      percent: {kind: formula, expression: success * 100}
exporters: {nop: {}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [business_metrics]}
    metrics: {receivers: [business_metrics], exporters: [nop]}
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """Settings with an indicator that is split, and a formula."""
    file = tmp_path / "tasks.yaml"
    file.write_text(TASKS)
    return file


WINDOW = "2026-01-31T12:00:00Z\t2026-01-31T12:05:00Z"


def test_numbers_of_recorded_telemetry_are_listed(tasks: Path, telemetry: Path) -> None:
    result = penstock("dry-run", telemetry, "--config", tasks)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "# business_metrics",
        f"success\t{WINDOW}\tagent=a\t0.666666667\t3\tcritical",
        f"percent\t{WINDOW}\tagent=a\t66.6666667\t\t",
        "# business_metrics: left out",
        "success\tmissing_dimension\t1",
    ]


def test_programs_read_numbers_as_json(tasks: Path, telemetry: Path) -> None:
    result = penstock("dry-run", telemetry, "--config", tasks, "--format", "json")
    (found,) = json.loads(result.stdout).values()
    assert found["numbers"][0] == {
        "indicator": "success",
        "span": {"start": "2026-01-31T12:00:00Z", "end": "2026-01-31T12:05:00Z"},
        "attributes": {"agent": "a"},
        "value": 2 / 3,
        "state": "critical",
        "items": 3,
    }
    left_out = {"missing_dimension": 1}
    assert found["items"]["success"] == {"matched": 4, "left_out": left_out, "folded": {}}


def test_what_is_no_telemetry_fails_with_its_place(tasks: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello\n")
    result = penstock("dry-run", file, "--config", tasks)
    assert result.exit_code == 1
    assert "notes.txt:1: expected a line of OTLP/JSON" in result.stderr


def test_an_indicator_is_explained_by_its_settings(tasks: Path) -> None:
    result = penstock("explain", "percent", "--config", tasks)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "# percent",
        "kind\tformula",
        "expression\tsuccess * 100",
        "# success",
        "kind\tratio",
        "from\tspans",
        "good\tstatus.code != STATUS_CODE_ERROR",
        'by.agent\tattributes["agent"]',
        "window\t5m",
        "critical\t0.9",
        "worse\tbelow",
    ]


def test_with_telemetry_it_is_explained_what_became_of_it(tasks: Path, telemetry: Path) -> None:
    result = penstock("explain", "success", telemetry, "--config", tasks)
    assert result.stdout.splitlines()[-5:] == [
        "# items",
        "matched\t4",
        "missing_dimension\t1",
        "# numbers",
        f"{WINDOW}\tagent=a\t0.666666667\t3\tcritical",
    ]


def test_programs_read_explanations_as_json(tasks: Path, telemetry: Path) -> None:
    result = penstock("explain", "success", telemetry, "-c", tasks, "--format", "json")
    (found,) = json.loads(result.stdout)
    assert (found["name"], found["preset"]) == ("success", "")
    assert found["definition"]["critical"] == 0.9
    assert found["account"]["matched"] == 4
    assert len(found["numbers"]) == 1


def test_an_unknown_name_is_told_with_what_may_be_meant(tasks: Path) -> None:
    result = penstock("explain", "sucess", "--config", tasks)
    assert result.exit_code == 2
    assert "did you mean `success`?" in result.stderr
