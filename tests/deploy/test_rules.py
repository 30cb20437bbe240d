"""Rules are complete: told of in words, tested both ways, and about metrics that there are."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.deploy.rules import (
    OF_PROMETHEUS,
    TEST_FILES,
    Alert,
    alerts,
    documented,
    load,
    names,
    records,
)

BY_KEY = {alert.key: alert for alert in alerts()}
GROUPS = [group for path in TEST_FILES for group in load(path)["tests"]]
CHECKS = [check for group in GROUPS for check in group.get("alert_rule_test", [])]


def fired(check: dict[str, object]) -> set[tuple[str, str]]:
    """The alerts that a check expects, by name and severity."""
    expected = check.get("exp_alerts") or []
    assert isinstance(expected, list)
    return {(str(check["alertname"]), alert["exp_labels"]["severity"]) for alert in expected}


def test_an_alert_of_a_severity_is_there_once() -> None:
    assert [
        key for key, count in Counter(alert.key for alert in alerts()).items() if count > 1
    ] == []


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: "-".join(alert.key))
def test_an_alert_says_how_bad_it_is_what_it_is_about_and_what_to_do(alert: Alert) -> None:
    assert alert.labels["severity"] in {"info", "warning", "critical"}
    assert set(alert.annotations) == {"summary", "description", "runbook_url"}


def test_alerts_that_fire_tell_the_system_and_the_service() -> None:
    """By these they are routed, grouped and muted."""
    fired = [alert["exp_labels"] for check in CHECKS for alert in check.get("exp_alerts", [])]
    assert fired
    assert [labels for labels in fired if not labels.keys() >= {"system", "service"}] == []


@pytest.mark.parametrize("key", BY_KEY, ids="-".join)
def test_an_alert_is_seen_to_fire_and_not_to_fire(key: tuple[str, str]) -> None:
    about = [fired(check) for check in CHECKS if check["alertname"] == key[0]]
    assert any(key in found for found in about), "no test in which it fires"
    assert any(key not in found for found in about), "no test in which it does not fire"


def test_checks_are_about_alerts_that_there_are() -> None:
    assert {key for check in CHECKS for key in fired(check)} - BY_KEY.keys() == set()
    assert {check["alertname"] for check in CHECKS} == {name for name, _ in BY_KEY}


@pytest.mark.parametrize("record", records())
def test_a_recorded_number_is_seen_to_be_right(record: str) -> None:
    expected = [
        check["exp_samples"]
        for group in GROUPS
        for check in group.get("promql_expr_test", [])
        if check["expr"] == record
    ]
    assert any(expected)


def test_names_of_an_expression_are_its_metrics_and_what_they_are_chosen_by() -> None:
    expression = 'sum by (a) (rate(x{b="c", d!~"e|f"}[5m] offset 1h)) > 2 * g:h and on (i) y == 0'
    assert names(expression) == {"x": {"b", "d"}, "g:h": set(), "y": set()}


def every_expression() -> dict[str, str]:
    return records() | {"-".join(alert.key): alert.expression for alert in alerts()}


@pytest.mark.parametrize("expression", every_expression().values(), ids=every_expression())
def test_recorded_names_that_are_used_are_recorded(expression: str) -> None:
    assert {name for name in names(expression) if ":" in name} - records().keys() == set()


OF_PENSTOCK = [
    pytest.param(expression, id=name)
    for name, expression in every_expression().items()
    if name.lower().startswith("penstock")
]


@pytest.mark.parametrize("expression", OF_PENSTOCK)
def test_rules_for_penstock_use_the_names_and_labels_of_the_document(expression: str) -> None:
    own = {name: labels for name, labels in names(expression).items() if ":" not in name}
    assert own.keys() - documented().keys() <= OF_PROMETHEUS
    for name in own.keys() & documented().keys():
        assert own[name] <= documented()[name].labels, name


@pytest.mark.parametrize("expression", OF_PENSTOCK)
def test_counters_of_penstock_are_looked_at_as_rates(expression: str) -> None:
    """A counter by itself is above any threshold for ever, or will never be."""
    for name in names(expression).keys() & documented().keys():
        if documented()[name].kind == "counter":
            assert f"({name}" in expression.replace(" ", "").replace("\n", ""), name
            assert "[" in expression
