"""What deploy/grafana/ asks of a real Prometheus, a real Penstock and five systems before them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from tests.deploy.dashboards import Query, queries
from tests.integration.deployed import Deployed, at
from tests.integration.program import complete, free_ports
from tests.integration.test_demo import Demonstration, systems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers
    from tests.integration.prometheus import Prometheus


def arguments() -> Iterator[str]:
    """Every number of its own, and a back end that is not there, so that something waits."""
    (nobody,) = free_ports(1)
    sets = {
        "service.telemetry.metrics.level": "detailed",
        "service.pipelines.traces.exporters": "[otlp/jaeger, spanmetrics, servicegraph, routing]",
        "exporters.otlp/jaeger.endpoint": f"127.0.0.1:{nobody}",
    }
    return (f"--set={path}={value}" for path, value in sets.items())


def is_empty(query: Query, prometheus: Prometheus) -> bool:
    """Whether there is nothing to be seen: no series, or numbers that cannot be drawn."""
    values = (float(value) for _, value in prometheus.query(query.filled))
    return not any(map(math.isfinite, values))


def test_no_panel_is_empty(peers: Peers, tmp_path: Path) -> None:
    with Demonstration(tmp_path, *arguments()) as penstock, systems(penstock, tmp_path):
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


def test_promtool_reads_every_query(peers: Peers, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query.filled}
        for number, query in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    complete(peers.command("prometheus", "tool", "check", "rules", file))
