"""Presets: what there is of each system, and that it is well-formed."""

from __future__ import annotations

import pytest

from penstock.business.presets import load, names

INDICATORS = {
    "orchestrator_hub": {
        "ai_orchestrator_task_completion",
        "ai_orchestrator_agent_utilisation",
        "ai_orchestrator_uptime",
        "ai_orchestrator_task_throughput",
        "ai_orchestrator_customer_satisfaction",
    },
    "orchestrator_platform": {
        "monthly_active_users",
        "workflow_success_rate",
        "average_response_time",
        "monthly_recurring_revenue",
        "customer_satisfaction",
    },
    "agent_hive": {
        "agent_hive_coordination_p95",
        "agent_hive_tasks_completed",
        "agent_hive_external_api_error_share",
        "agent_hive_decision_confidence",
        "agent_hive_model_accuracy",
    },
    "healing_guard": {
        "healing_guard_response_time_p95",
        "healing_guard_requests_per_minute",
        "healing_guard_error_rate",
        "healing_guard_availability",
        "healing_success_rate",
        "healing_detection_accuracy",
        "healing_time_to_recovery",
        "healing_false_positive_rate",
    },
    "multi_agent": {
        "agent_task_throughput",
        "conflict_resolution_rate",
        "collaboration_efficiency",
        "dependency_resolution_time",
        "task_quality",
    },
}
"""What each system asks for."""


def test_there_is_a_preset_for_each_system() -> None:
    assert names() == sorted(INDICATORS)


@pytest.mark.parametrize("preset", INDICATORS)
def test_a_preset_has_what_its_system_asks_for(preset: str) -> None:
    assert INDICATORS[preset] - load(preset).keys() == set()


@pytest.mark.parametrize("preset", INDICATORS)
def test_every_indicator_says_what_it_is(preset: str) -> None:
    described = {name for name, it in load(preset).items() if it["kind"] and it["description"]}
    assert described == load(preset).keys()


def test_nothing_else_is_a_preset() -> None:
    with pytest.raises(KeyError):
        load("../presets/agent_hive")
