"""Rules of presets in Prometheus' own tool: they are well-formed, and tell whom they should."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from penstock.business.presets import names
from tests.integration.program import complete
from tests.integration.service import command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.peers import Peers


@pytest.mark.parametrize("preset", names())
def test_rules_of_a_preset_are_well_formed(preset: str, peers: Peers, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(complete(command("business", "rules", "--preset", preset)))
    assert "SUCCESS" in complete(peers.command("prometheus", "tool", "check", "rules", str(rules)))


def test_alerts_are_of_thresholds_and_of_budgets_that_burn(peers: Peers, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(complete(command("business", "rules", "--preset", "healing_guard")))
    burn = "healing_guard_availability_burn_rate"
    series = {
        "healing_time_to_recovery_seconds": "400x10",
        "healing_success_rate_ratio": "0.95x10",
        f'{burn}{{window="5m"}}': "20x10",
        f'{burn}{{window="1h"}}': "15x10",
        f'{burn}{{window="6h"}}': "5x10",
    }
    recovery = {
        "summary": "healing_time_to_recovery is above 300: 400",
        "description": "Mean time from a pipeline's failure to its recovery.",
    }
    availability = {
        "summary": f"{burn} is above 14.4 in 1h: 15",
        "description": "Share of requests that were answered with a status below 500, in 30 days.",
    }
    alerts = {
        "HealingTimeToRecovery": [
            {"exp_labels": {"severity": "warning"}, "exp_annotations": recovery}
        ],
        "HealingSuccessRate": [],
        "HealingGuardAvailabilityBurnRate": [
            {
                "exp_labels": {"severity": "critical", "window": "1h"},
                "exp_annotations": availability,
            }
        ],
    }
    told = [
        {"eval_time": "5m", "alertname": name, "exp_alerts": expected}
        for name, expected in alerts.items()
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": given, "alert_rule_test": told}
    file = tmp_path / "test.yml"
    file.write_text(json.dumps({"rule_files": [str(rules)], "tests": [test]}))
    complete(peers.command("prometheus", "tool", "test", "rules", str(file)))
