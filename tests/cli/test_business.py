"""The commands about indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from penstock.business.presets import names
from penstock.cli.commands import app

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = """
receivers: {otlp: {protocols: {grpc: {}}}}
connectors:
  business_metrics:
    indicators:
      success: {kind: ratio, from: spans, good: 'true', window: 5m, critical: 0.9, worse: below}
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
