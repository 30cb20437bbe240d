"""The routes of alerts: of a piece with the rules, and without secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.deploy.rules import DEPLOY, alerts, load

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = load(DEPLOY / "alertmanager" / "alertmanager.yml")
NAMES = {alert.name for alert in alerts()}


def routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for below in route.get("routes", []):
        yield from routes(below)


def settings(value: Any) -> Iterator[tuple[str, Any]]:
    """Every option with its value, however deep."""
    if isinstance(value, dict):
        yield from value.items()
    for below in value.values() if isinstance(value, dict) else value:
        if isinstance(below, dict | list):
            yield from settings(below)


ROUTES = list(routes(SETTINGS["route"]))


def test_alerts_wait_and_come_together_as_the_systems_ask() -> None:
    route = SETTINGS["route"]
    assert route["group_by"] == ["alertname", "cluster", "service"]
    waits = (route["group_wait"], route["group_interval"], route["repeat_interval"])
    assert waits == ("30s", "5m", "12h")


def test_critical_mutes_a_warning_of_the_same() -> None:
    assert {
        "source_matchers": ['severity="critical"'],
        "target_matchers": ['severity="warning"'],
        "equal": ["alertname", "cluster", "service"],
    } in SETTINGS["inhibit_rules"]


def test_receivers_and_times_are_there_and_used() -> None:
    assert {route["receiver"] for route in ROUTES} == {it["name"] for it in SETTINGS["receivers"]}
    used = {name for route in ROUTES for name in route.get("mute_time_intervals", [])}
    assert used == {interval["name"] for interval in SETTINGS["time_intervals"]}


def test_secrets_are_in_files() -> None:
    secret = re.compile(r"(.*_)?(password|secret|token|key|url)$")
    assert [name for name, _ in settings(SETTINGS) if secret.match(name)] == []
    files = [value for name, value in settings(SETTINGS) if name.endswith("_file")]
    assert {file.rpartition("/")[0] for file in files} == {"/etc/alertmanager/secrets"}


def test_alerts_that_are_named_exist() -> None:
    matchers = [
        matcher
        for place in (*ROUTES, *SETTINGS["inhibit_rules"])
        for kind in ("matchers", "source_matchers", "target_matchers")
        for matcher in place.get(kind, [])
    ]
    for matcher in matchers:
        label, pattern = re.split(r"[!=]=?~?", matcher)[0], matcher.split('"')[1]
        known = NAMES if label == "alertname" else {a.labels.get(label) for a in alerts()}
        for name in pattern.split("|"):
            assert any(re.fullmatch(name, str(it)) for it in known), matcher
