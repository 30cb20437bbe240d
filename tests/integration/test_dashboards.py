"""What deploy/grafana/ asks of a real Prometheus, a real Penstock and five systems before them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from tests.deploy.dashboards import FILES, GRAFANA, Query, queries
from tests.deploy.manifests import documents
from tests.integration.deployed import Deployed, at
from tests.integration.kubernetes import kustomized
from tests.integration.program import complete, free_ports
from tests.integration.test_demo import Demonstration, systems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers
    from tests.integration.prometheus import Prometheus


CODE = """\
def process(batch):
    return batch
"""


def arguments(folder: Path) -> Iterator[str]:
    """What shows every number of its own: besides what the demonstration has, code, consumers and
    gateways; and since nobody is behind these, something waits and fails."""
    code = folder / "code.py"
    code.write_text(CODE)
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    sets = {
        "service.telemetry.metrics.level": "detailed",
        "receivers.kafka.brokers": f"[{nobody}]",
        "processors.python.file": str(code),
        "exporters.otlp/jaeger.endpoint": nobody,
        "exporters.otlp/jaeger.dead_letter.directory": str(folder / "dead"),
        "exporters.loadbalancing.resolver.static.hostnames": f"[{nobody}]",
        "exporters.loadbalancing.protocol.otlp.tls.insecure": "true",
        "service.pipelines.traces.exporters": "[otlp/jaeger, spanmetrics, servicegraph, routing]",
        "service.pipelines.logs.receivers": "[otlp, push_http, kafka]",
        "service.pipelines.logs.processors": "[memory_limiter, python]",
        "service.pipelines.logs.exporters": "[loadbalancing, routing]",
    }
    return (f"--set={path}={value}" for path, value in sets.items())


def is_empty(query: Query, prometheus: Prometheus) -> bool:
    """Whether there is nothing to be seen: no series, or numbers that cannot be drawn."""
    values = (float(value) for _, value in prometheus.query(query.filled))
    return not any(map(math.isfinite, values))


def test_no_panel_is_empty(peers: Peers, tmp_path: Path) -> None:
    with Demonstration(tmp_path, *arguments(tmp_path)) as penstock, systems(penstock, tmp_path):
        targets = {"penstock": at(penstock.own), "penstock-exporter": at(penstock.page)}
        with Deployed(peers, tmp_path / "prometheus", targets) as prometheus:
            expect_all(prometheus)


def expect_all(prometheus: Prometheus) -> None:
    left = list(queries())

    def all_there() -> bool:
        left[:] = [query for query in left if is_empty(query, prometheus)]
        return not left

    try:
        prometheus.wait_until(all_there)
    except AssertionError:
        pytest.fail("\n".join(map(str, left)))


def test_kustomize_makes_an_object_of_each_file() -> None:
    """`kubectl apply` takes objects of no more than 256 KiB."""
    objects = documents(kustomized(GRAFANA))
    held = [it for found in objects for it in found["data"].items()]
    assert dict(held) == {file.name: file.read_text() for file in FILES}
    assert all(len(text.encode()) < 200 * 1024 for _, text in held)


def test_promtool_reads_every_query(peers: Peers, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query.filled}
        for number, query in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    complete(peers.command("prometheus", "tool", "check", "rules", file))
