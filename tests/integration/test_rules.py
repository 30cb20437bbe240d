"""What Prometheus' own tools and a real Prometheus say of deploy/prometheus/."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from penstock.pipeline import Batch, Signal
from tests.deploy.rules import PROMETHEUS, RULE_FILES, TEST_FILES, lines, load
from tests.integration.deployed import Deployed, at
from tests.integration.program import complete, free_ports
from tests.integration.service import OfMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers
    from tests.integration.prometheus import Prometheus

HIVE = b"""\
# TYPE agent_hive_external_api_requests_total counter
agent_hive_external_api_requests_total{service="search",method="GET",status_code="200"} 4
"""


def promtool(peers: Peers, *arguments: str | Path) -> str:
    return complete(peers.command("prometheus", "tool", *arguments))


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_promtool_finds_nothing_wrong_with_rules(peers: Peers, path: Path) -> None:
    promtool(peers, "check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_rules_fire_and_do_not_fire_as_their_tests_say(peers: Peers, path: Path) -> None:
    promtool(peers, "test", "rules", path)


@pytest.mark.parametrize("name", ["prometheus.yml", "federation.yml"])
def test_promtool_finds_nothing_wrong_with_settings(peers: Peers, name: str) -> None:
    promtool(peers, "check", "config", PROMETHEUS / name)


def test_promtool_finds_nothing_else_wrong_with_the_settings_of_a_cluster(
    peers: Peers, tmp_path: Path
) -> None:
    """The peer is built without discovery in clusters, so files stand in for it."""
    settings = load(PROMETHEUS / "kubernetes.yml")
    for place in (*settings["scrape_configs"], *settings["alerting"]["alertmanagers"]):
        assert place.pop("kubernetes_sd_configs")
        place["file_sd_configs"] = [{"files": ["none.yml"]}]
    shutil.copytree(PROMETHEUS / "rules", tmp_path / "rules")
    file = tmp_path / "kubernetes.yml"
    file.write_text(yaml.safe_dump(settings))
    promtool(peers, "check", "config", file)


def test_promtool_reads_the_queries_of_runbooks(peers: Peers, tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query}
        for number, (_, query) in enumerate(lines("promql"))
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "runbooks", "rules": rules}]}))
    promtool(peers, "check", "rules", file)


@contextmanager
def serving(page: bytes) -> Iterator[int]:
    """A service that shows that page, at a port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=partial(server.serve_forever, 0.01))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_real_prometheus_evaluates_every_rule_over_a_real_penstock(
    peers: Peers, tmp_path: Path
) -> None:
    with in_the_middle(peers, tmp_path) as (penstock, prometheus):
        prometheus.wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()))
        assert len(prometheus.rules()) == rules_in_files()
        expect_own(prometheus)
        penstock.post(of_the_hive())
        expect_hive(prometheus, instance="scraped", service="agent-hive")
        expect_hive(prometheus, instance="passed on", service="planner")
        prometheus.wait_until(
            lambda: prometheus.query('service:up:max{system="agent-hive",service="planner"}')
        )


@contextmanager
def in_the_middle(peers: Peers, folder: Path) -> Iterator[tuple[OfMetrics, Deployed]]:
    """A Penstock that shows what it gets, and a Prometheus that scrapes it and a service."""
    (shown,) = free_ports(1)
    own = folder / "penstock"
    own.mkdir()
    exporters = {"prometheus": {"endpoint": f"127.0.0.1:{shown}"}}
    with OfMetrics(own, exporters) as penstock, serving(HIVE) as hive:
        labels = {"system": "agent-hive", "service": "agent-hive", "instance": "scraped"}
        targets = {
            "penstock": at(penstock.ports.metrics),
            "penstock-exporter": at(shown),
            "hosts": at(hive, **labels),
        }
        with Deployed(peers, folder / "prometheus", targets) as prometheus:
            yield penstock, prometheus


def of_the_hive() -> Batch:
    """What an agent sends of its requests, by OTLP."""
    resource = {
        "service.namespace": "agent-hive",
        "service.name": "planner",
        "service.instance.id": "passed on",
    }
    point = {
        "asInt": "4",
        "timeUnixNano": str(time.time_ns()),
        "attributes": attributes({"service": "search", "method": "GET", "status_code": "200"}),
    }
    total = {"dataPoints": [point], "aggregationTemporality": 2, "isMonotonic": True}
    metric = {"name": "agent_hive_external_api_requests", "sum": total}
    around = {
        "resource": {"attributes": attributes(resource)},
        "scopeMetrics": [{"metrics": [metric]}],
    }
    return Batch.from_json(Signal.METRICS, json.dumps({"resourceMetrics": [around]}).encode())


def attributes(pairs: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]


def rules_in_files() -> int:
    groups = [group for path in RULE_FILES for group in load(path)["groups"]]
    return sum(len(group["rules"]) for group in groups)


def expect_own(prometheus: Prometheus) -> None:
    """Penstock's numbers come under the names that its rules know, and nothing is wrong with it."""
    cores = prometheus.wait_until(lambda: prometheus.query("penstock:cpu_cores:rate5m"))
    assert [series["job"] for series, _ in cores] == ["penstock"]
    assert prometheus.query('service:up:max{system="penstock",service="penstock"}')
    prometheus.wait_until(
        lambda: prometheus.query('penstock:exporter_sent_items:rate5m{data_type="metrics"}')
    )
    assert prometheus.query('ALERTS{system="penstock",alertstate="firing"}') == []


def expect_hive(prometheus: Prometheus, instance: str, service: str) -> None:
    """What the hive calls a service is an API, and the service is who calls it."""
    query = f'agent_hive_external_api_requests_total{{instance="{instance}"}}'
    ((series, value),) = prometheus.wait_until(lambda: prometheus.query(query))
    assert (series["system"], series["service"]) == ("agent-hive", service)
    assert series["api"] == "search"
    assert "exported_service" not in series
    assert value == "4"
