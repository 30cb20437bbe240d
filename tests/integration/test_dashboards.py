"""What deploy/grafana/ asks of a real Prometheus, a real Penstock and five systems before them."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.dashboards import (
    DASHBOARDS,
    FILES,
    GRAFANA,
    Query,
    data_sources,
    filled,
    panels,
    queries,
)
from tests.deploy.manifests import documents
from tests.integration.deployed import Deployed, at
from tests.integration.grafana import ask, table
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


@pytest.fixture(scope="module")
def prometheus(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, which scrapes that Penstock."""
    folder = tmp_path_factory.mktemp("dashboards")
    with Demonstration(folder, *arguments(folder)) as penstock, systems(penstock, folder):
        targets = {"penstock": at(penstock.own), "penstock-exporter": at(penstock.page)}
        with Deployed(peers, folder / "prometheus", targets) as prometheus:
            yield prometheus


def test_no_panel_is_empty(prometheus: Prometheus) -> None:
    left = list(queries())

    def all_there() -> bool:
        left[:] = [query for query in left if is_empty(query, prometheus)]
        return not left

    try:
        prometheus.wait_until(all_there)
    except AssertionError:
        pytest.fail("\n".join(map(str, left)))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_what_variables_offer_is_there(prometheus: Prometheus, name: str) -> None:
    """All but clusters: only who collects from several has their names."""
    for choice in DASHBOARDS[name]["templating"]["list"][1:]:
        label = choice["name"]
        metric = re.fullmatch(rf"label_values\((.+), {label}\)", choice["query"])
        assert metric
        assert label == "cluster" or prometheus.query(f"count by ({label}) ({filled(metric[1])})")


def test_grafana_knows_the_units_and_makes_the_columns_that_tables_say(
    prometheus: Prometheus,
) -> None:
    tables = [panel for panel in every_panel() if panel["targets"][0].get("format") == "table"]
    made = ask(set(units()), [framed(panel, prometheus) for panel in tables])
    assert made["unknown"] == []
    for panel, frames in zip(tables, made["columns"], strict=True):
        ((*columns,),) = frames
        if panel["type"] == "table":
            shown = [name for _, name in columns]
            asked = [target["legendFormat"] for target in panel["targets"]]
            assert shown[-len(asked) :] == asked
            assert {it["matcher"]["options"] for it in panel["fieldConfig"]["overrides"]} <= {
                *asked
            }
        else:
            assert {"id", "source", "target", "mainstat"} <= {name for name, _ in columns}


def test_dots_on_durations_lead_to_traces(prometheus: Prometheus) -> None:
    asked = [it["expr"] for panel in every_panel() for it in panel["targets"] if it["exemplar"]]
    assert asked
    (link,) = data_sources()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    for query in asked:
        found = prometheus.wait_until(partial(prometheus.exemplars, filled(query)))
        assert all(link["name"] in exemplar["labels"] for exemplar in found)


def every_panel() -> Iterator[dict[str, Any]]:
    for dashboard in DASHBOARDS.values():
        yield from panels(dashboard)


def units() -> Iterator[str]:
    for panel in every_panel():
        yield panel["fieldConfig"]["defaults"]["unit"]
        for override in panel["fieldConfig"]["overrides"]:
            yield from (it["value"] for it in override["properties"] if it["id"] == "unit")


def framed(panel: dict[str, Any], prometheus: Prometheus) -> dict[str, Any]:
    """A panel's transformations, and what they are given."""
    targets = panel["targets"]
    answers = ((it["refId"], prometheus.query(filled(it["expr"]))) for it in targets)
    frames = [table(letter, series, alone=len(targets) == 1) for letter, series in answers]
    return {"transformations": panel["transformations"], "frames": frames}


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
