"""What Prometheus' own tools and a real Prometheus say of deploy/prometheus/."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.deploy.rules import PROMETHEUS, RULE_FILES, TEST_FILES, lines, load
from tests.integration.program import Program, complete, fetch, free_ports
from tests.integration.prometheus import Prometheus
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers

HIVE = b"""\
# TYPE agent_hive_external_api_requests_total counter
agent_hive_external_api_requests_total{service="search",method="GET",status_code="200"} 4
# TYPE http_requests_total counter
http_requests_total{status="200"} 7
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


class Deployed(Prometheus):
    """A Prometheus with what deploy/prometheus/ holds, in a hurry."""

    def __init__(self, peers: Peers, folder: Path, targets: dict[str, list[Any]]) -> None:
        (self.port,) = free_ports(1)
        shutil.copytree(PROMETHEUS, folder, dirs_exist_ok=True)
        for file in folder.glob("targets/**/*.yml"):
            file.write_text(json.dumps(targets.get(file.stem, [])))
        file = folder / "prometheus.yml"
        for hurried in (file, *folder.glob("rules/*.yml")):
            hurried.write_text(
                re.sub(r"(_?interval|_timeout): \w+", r"\1: 1s", hurried.read_text())
            )
        env = {"PROMETHEUS_PORT": str(self.port), "PROMETHEUS_CONFIG": str(file)}
        command = peers.command("prometheus", "run", folder / "data")
        Program.__init__(self, "prometheus", command, folder, env)

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, and how its last evaluation went."""
        page = fetch(f"http://127.0.0.1:{self.port}/api/v1/rules")
        assert page, self.output()
        return [rule for group in json.loads(page)["data"]["groups"] for rule in group["rules"]]


@contextmanager
def serving(page: bytes) -> Iterator[str]:
    """A service that shows that page, at the address."""

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
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_real_prometheus_evaluates_every_rule_over_a_real_penstock(
    peers: Peers, tmp_path: Path
) -> None:
    own = tmp_path / "penstock"
    own.mkdir()
    with Penstock(own, {"nop": {}}) as penstock, serving(HIVE) as hive:
        labels = {"system": "agent-hive", "service": "agent-hive"}
        targets: dict[str, list[Any]] = {
            "penstock": [{"targets": [f"127.0.0.1:{penstock.ports.metrics}"]}],
            "hosts": [{"targets": [hive], "labels": labels}],
        }
        with Deployed(peers, tmp_path / "prometheus", targets) as prometheus:
            prometheus.wait_until(
                lambda: all(rule["health"] == "ok" for rule in prometheus.rules())
            )
            assert len(prometheus.rules()) == rules_in_files()
            expect_own(prometheus)
            expect_hive(prometheus)


def rules_in_files() -> int:
    groups = [group for path in RULE_FILES for group in load(path)["groups"]]
    return sum(len(group["rules"]) for group in groups)


def expect_own(prometheus: Prometheus) -> None:
    """Penstock's numbers come under the names that its rules know, and nothing is wrong with it."""
    cores = prometheus.wait_until(lambda: prometheus.query("penstock:cpu_cores:rate5m"))
    assert [series["job"] for series, _ in cores] == ["penstock"]
    assert prometheus.query('service:up:max{system="penstock",service="penstock"}')
    prometheus.wait_until(
        lambda: prometheus.query('penstock:exporter_sent_items:rate5m{data_type="traces"}')
    )
    assert prometheus.query('ALERTS{system="penstock",alertstate="firing"}') == []


def expect_hive(prometheus: Prometheus) -> None:
    """What the hive calls a service is an API, and the service is the hive."""
    ((series, value),) = prometheus.query("agent_hive_external_api_requests_total")
    assert (series["job"], series["service"], series["api"]) == (
        "agent-hive",
        "agent-hive",
        "search",
    )
    assert "exported_service" not in series
    assert value == "4"
    prometheus.wait_until(
        lambda: prometheus.query(
            "service:http_error_share:ratio_rate5m or service:http_errors:rate5m"
        )
    )
