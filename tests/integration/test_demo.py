"""The demonstration's programs tell what rules and presets ask for, and incidents are noticed."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock.business import presets
from penstock.business.kinds import Count, Histogram, Sum
from penstock.business.settings import Settings
from penstock.prometheus.names import MetricType, Namer
from tests.deploy.rules import PROMETHEUS, load, names
from tests.deploy.test_demo import DEMO, SETTINGS
from tests.integration.deployed import Deployed, at
from tests.integration.program import Program, eventually, fetch, free_ports
from tests.integration.service import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers
    from tests.integration.prometheus import Prometheus

PROGRAMS = sorted(file for file in DEMO.glob("*.py") if "Life(" in file.read_text())

NO_SYSTEMS = {"penstock", "validation"}
RULES = [file for file in (PROMETHEUS / "rules").glob("*.yml") if file.stem not in NO_SYSTEMS]

ELSEWHERE = {
    "ALERTS",
    "http_request_duration_seconds_bucket",
    "http_requests_total",
    "node_cpu_seconds_total",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
}
"""Prometheus' own, and what other libraries and exporters call what is shown here too."""

GRAPH = {
    ("console", "ai-orchestrator"),
    ("web", "api-gateway"),
    ("api-gateway", "workflow-engine"),
    ("coordinator", "scouts"),
    ("healing-guard", "ci-runner"),
    ("multi-agent", "alpha"),
}
"""Who calls whom, in every system."""


class Demonstration(Program):
    """Penstock as the demonstration has it, but for the back ends of traces and logs, and what
    `more` arguments say."""

    def __init__(self, folder: Path, *more: str) -> None:
        ports = dict(
            zip(
                ("GRPC", "HTTP", "STATSD", "PUSH", "EXPORTER", "HEALTH", "METRICS", "HIVE"),
                free_ports(8),
                strict=True,
            )
        )
        self.own, self.page = ports["METRICS"], ports["EXPORTER"]
        self.programs = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ports['HTTP']}",
            "STATSD_ENDPOINT": f"127.0.0.1:{ports['STATSD']}",
            "EVENTS_ENDPOINT": f"http://127.0.0.1:{ports['PUSH']}/v1/push/events",
            "PROMETHEUS_GATEWAY": f"http://127.0.0.1:{ports['PUSH']}",
            "OTEL_EXPORTER_PROMETHEUS_PORT": str(ports["HIVE"]),
        }
        env = {
            "OTLP_GRPC_PORT": str(ports["GRPC"]),
            "OTLP_HTTP_PORT": str(ports["HTTP"]),
            "STATSD_PORT": str(ports["STATSD"]),
            "PUSH_PORT": str(ports["PUSH"]),
            "EXPORTER_PORT": str(ports["EXPORTER"]),
            "HEALTH_PORT": str(ports["HEALTH"]),
            "METRICS_PORT": str(ports["METRICS"]),
            "AGENT_HIVE": f"127.0.0.1:{ports['HIVE']}",
        }
        argv = command("run", "-c", str(SETTINGS), *sooner(), *more)
        super().__init__("penstock", argv, folder, env)

    def ready(self) -> bool:
        """Whether every pipeline runs."""
        return "Every pipeline runs." in self.output()

    def shown(self) -> str:
        """What a scrape sees."""
        return (fetch(f"http://127.0.0.1:{self.page}/metrics") or b"").decode()


def sooner() -> Iterator[str]:
    """Arguments by which numbers come at once, and nothing goes where nobody is."""
    sets = {
        "service.pipelines.traces.exporters": "[spanmetrics, servicegraph, routing]",
        "service.pipelines.logs.exporters": "[routing]",
        "connectors.spanmetrics.metrics_flush_interval": "1s",
        "connectors.servicegraph.metrics_flush_interval": "1s",
        "receivers.hostmetrics.collection_interval": "1s",
        "receivers.statsd.aggregation_interval": "1s",
    }
    for connector in load(SETTINGS)["connectors"]:
        if connector.startswith("business_metrics/"):
            options = {"every": "1s", "interval": "1s", "allowed_lateness": "3s"}
            sets |= {f"connectors.{connector}.{key}": it for key, it in options.items()}
    return (f"--set={path}={value}" for path, value in sets.items())


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    folder = tmp_path_factory.mktemp("demo")
    with ExitStack() as running:
        penstock = running.enter_context(Demonstration(folder))
        running.enter_context(systems(penstock, folder, "--incident"))
        yield penstock


@pytest.fixture(scope="module")
def prometheus(
    demonstration: Demonstration, peers: Peers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    targets = {"penstock-exporter": at(demonstration.page)}
    with Deployed(peers, folder, targets) as prometheus:
        yield prometheus


@contextmanager
def systems(penstock: Demonstration, folder: Path, *more: str) -> Iterator[None]:
    """All five programs, in which ten times as much happens."""
    with ExitStack() as running:
        for file in PROGRAMS:
            argv = [sys.executable, str(file), "--rate", "10", *more]
            running.enter_context(Program(file.stem, argv, folder, penstock.programs))
        yield


def asked_for() -> set[str]:
    """The metrics of all rules of the systems, and of all presets."""
    rules = [rule for file in RULES for group in load(file)["groups"] for rule in group["rules"]]
    recorded = {rule.get("record") for rule in rules}
    of_rules = {name for rule in rules for name in names(rule["expr"])} - recorded - ELSEWHERE
    return of_rules | {name for preset in presets.names() for name in indicators(preset)}


def indicators(preset: str) -> Iterator[str]:
    """What Prometheus calls them."""
    for name, indicator in Settings(preset=preset).indicators.items():
        match indicator:
            case Count(window=None) | Sum(window=None):
                yield Namer().metric(name, indicator.unit, MetricType.COUNTER)
            case Histogram():
                yield Namer().metric(name, indicator.unit, MetricType.HISTOGRAM) + "_count"
            case _:
                yield Namer().metric(name, indicator.unit, MetricType.GAUGE)


def test_incidents_fire_the_alerts_that_the_readme_tells_of(prometheus: Prometheus) -> None:
    told = set(re.findall(r"`([A-Z]\w+[a-z]\w+)`", section("Incidents")))
    assert told >= {"ExecutionVolumeSpike", "AIOrchestratorIncident"}

    def silent() -> set[str]:
        firing = prometheus.query('ALERTS{alertstate="firing"}')
        return told - {labels["alertname"] for labels, _ in firing}

    eventually(lambda: not silent(), silent)


def test_whatever_rules_and_presets_ask_for_is_shown(demonstration: Demonstration) -> None:
    def missing() -> set[str]:
        families = text_string_to_metric_families(demonstration.shown())
        return asked_for() - {it.name for family in families for it in family.samples}

    assert len(asked_for()) > 70
    eventually(lambda: not missing(), missing)


def test_calls_in_every_system_are_seen_from_both_sides(demonstration: Demonstration) -> None:
    def unseen() -> set[tuple[str, str]]:
        families = text_string_to_metric_families(demonstration.shown())
        return GRAPH - {
            (it.labels["client"], it.labels["server"])
            for family in families
            for it in family.samples
            if it.name == "traces_service_graph_request_total"
        }

    eventually(lambda: not unseen(), unseen)


def section(title: str) -> str:
    text = (DEMO / "README.md").read_text()
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]
