"""Alerts reach whom they are for: by amtool, and by a real Alertmanager with every channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.alertmanager import SETTINGS, Alertmanager
from tests.integration.channels import Channels
from tests.integration.deployed import Deployed, at
from tests.integration.program import complete, free_ports
from tests.integration.service import OfMetrics
from tests.kit import points

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers


def test_amtool_finds_nothing_wrong(peers: Peers) -> None:
    assert "SUCCESS" in complete(peers.command("alertmanager", "tool", "check-config", SETTINGS))


ROUTES = {
    "alertname=ServiceDown severity=critical system=agent-hive": "webhook,escalation,on-call",
    "alertname=PenstockDown severity=critical system=penstock": "webhook,escalation,on-call",
    "alertname=AgentHiveAPIErrors severity=critical system=agent-hive": (
        "webhook,escalation,on-call"
    ),
    "alertname=AIOrchestratorErrors severity=critical system=ai-orchestrator": (
        "webhook,discord,escalation,on-call"
    ),
    "alertname=AIOrchestratorHealthForecast severity=warning system=ai-orchestrator": (
        "webhook,discord,email,slack"
    ),
    "alertname=AIOrchestratorCompletionBelowTarget severity=info system=ai-orchestrator": (
        "webhook,email"
    ),
    "alertname=HealingGuardSlow severity=warning system=healing-guard": "webhook,email,slack",
    "alertname=LowUserActivity severity=warning system=orchestrator-platform": "webhook,slack",
    "alertname=SomethingElse": "webhook,slack",
}


@pytest.mark.parametrize("labels", ROUTES)
def test_labels_lead_to_receivers(peers: Peers, labels: str) -> None:
    verify = [f"--config.file={SETTINGS}", f"--verify.receivers={ROUTES[labels]}"]
    arguments = ["config", "routes", "test", *verify, *labels.split()]
    complete(peers.command("alertmanager", "tool", *arguments))


def alert(name: str, severity: str, system: str = "agent-hive", **labels: str) -> dict[str, Any]:
    """A firing alert that says what it is."""
    service = {"service": system, "cluster": "eu"}
    words = {
        "summary": f"{name} is {severity}",
        "description": "It is so.",
        "runbook_url": f"https://runbooks.example.com/{name}.md",
    }
    named = {"alertname": name, "severity": severity, "system": system}
    return {"labels": named | service | labels, "annotations": words}


@pytest.fixture
def channels() -> Iterator[Channels]:
    with Channels() as channels:
        yield channels


@pytest.fixture
def alertmanager(peers: Peers, tmp_path: Path, channels: Channels) -> Iterator[Alertmanager]:
    with Alertmanager(peers, tmp_path / "alertmanager", channels) as alertmanager:
        yield alertmanager


def titles(channels: Channels, channel: str) -> list[str]:
    """The titles of what came to a channel of Slack."""
    posts = [post for post in channels.came("slack") if post["channel"] == channel]
    return [post["attachments"][0]["title"] for post in posts]


def test_alerts_of_a_service_are_told_of_together_and_the_mild_ones_not_at_all(
    alertmanager: Alertmanager, channels: Channels
) -> None:
    alertmanager.post(
        alert("AgentHiveCoordinationSlow", "warning"),
        alert("AgentHiveCoordinationSlow", "critical", instance="a"),
        alert("AgentHiveCoordinationSlow", "critical", instance="b"),
    )
    alertmanager.wait_until(lambda: titles(channels, "#incidents"))
    alertmanager.post(alert("AgentHiveTaskErrors", "warning"))
    alertmanager.wait_until(lambda: titles(channels, "#alerts"))

    assert titles(channels, "#incidents") == [
        "[FIRING 2] AgentHiveCoordinationSlow of agent-hive in eu"
    ]
    assert titles(channels, "#alerts") == ["[FIRING 1] AgentHiveTaskErrors of agent-hive in eu"]
    first = channels.came("webhook")[0]
    assert [told["labels"]["severity"] for told in first["alerts"]] == ["critical", "critical"]
    (incident,) = (it for it in channels.came("slack") if it["channel"] == "#incidents")
    assert incident["attachments"][0]["text"].splitlines()[:3] == [
        "critical: AgentHiveCoordinationSlow is critical",
        "It is so.",
        "https://runbooks.example.com/AgentHiveCoordinationSlow.md",
    ]


def test_every_channel_is_told_what_is_for_it(
    alertmanager: Alertmanager, channels: Channels
) -> None:
    alertmanager.post(
        alert("AIOrchestratorErrors", "critical", "ai-orchestrator"),
        alert("DailyGoalMissed", "info", "orchestrator-platform"),
    )
    alertmanager.wait_until(lambda: len(channels.came("pagerduty")) == 2)
    alertmanager.wait_until(lambda: len(channels.mails) == 2 and channels.came("discord"))

    title = "[FIRING 1] AIOrchestratorErrors of ai-orchestrator in eu"
    paged = {post["routing_key"]: post["payload"]["summary"] for post in channels.came("pagerduty")}
    assert paged == {
        "the pagerduty-key": title,
        "the pagerduty-escalation-key": f"Nobody has taken this up: {title}",
    }
    (message,) = channels.came("discord")
    assert message["embeds"][0]["title"] == title
    mails = {mail["To"]: mail["Subject"] for mail in channels.mails}
    assert mails == {
        "head-of-operations@example.com": f"Nobody has taken this up: {title}",
        "operations@example.com": "[FIRING 1] DailyGoalMissed of orchestrator-platform in eu",
    }


def test_what_may_wait_for_the_day_is_muted_at_night(
    alertmanager: Alertmanager, channels: Channels
) -> None:
    """The night is all day long here."""
    alertmanager.post(alert("LowUserActivity", "warning", "orchestrator-platform"))
    alertmanager.wait_until(lambda: channels.came("webhook"))
    alertmanager.post(alert("QueueBacklog", "warning", "orchestrator-platform"))
    alertmanager.wait_until(lambda: channels.came("slack"))
    assert [title.split()[2] for title in titles(channels, "#alerts")] == ["QueueBacklog"]


def test_an_incident_stands_for_its_signs(alertmanager: Alertmanager, channels: Channels) -> None:
    signs = ("AIOrchestratorHighCPU", "AIOrchestratorErrors", "AIOrchestratorTaskFailures")
    alertmanager.post(
        alert("AIOrchestratorIncident", "critical", "ai-orchestrator"),
        *(alert(sign, "critical", "ai-orchestrator") for sign in signs),
    )
    alertmanager.wait_until(lambda: titles(channels, "#incidents"))
    alertmanager.post(alert("AgentHiveAPIErrors", "critical"))
    alertmanager.wait_until(lambda: len(titles(channels, "#incidents")) > 1)
    told = [title.split()[2] for title in titles(channels, "#incidents")]
    assert told == ["AIOrchestratorIncident", "AgentHiveAPIErrors"]


def test_a_penstock_that_cannot_deliver_is_told_of_to_whoever_is_on_call(
    peers: Peers, tmp_path: Path, alertmanager: Alertmanager, channels: Channels
) -> None:
    """From its own numbers, over the rules and the routes, to the message."""
    (nobody,) = free_ports(1)
    out = {"otlp": {"endpoint": f"127.0.0.1:{nobody}", "tls": {"insecure": True}}}
    with OfMetrics(tmp_path, out) as penstock:
        penstock.post(points(3))  # at first, for what counts is that the queue was never empty
        targets = {"penstock": at(penstock.ports.metrics), "alertmanager": at(alertmanager.port)}
        with Deployed(peers, tmp_path / "prometheus", targets) as prometheus:
            prometheus.wait_until(lambda: titles(channels, "#incidents"))
    assert titles(channels, "#incidents") == [
        "[FIRING 1] PenstockExporterStuck of penstock in local"
    ]
