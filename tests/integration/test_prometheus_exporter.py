"""The prometheus exporter, scraped by a real Prometheus in every format, and read by promtool."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.exporters.exposing import Metrics, of_every_type
from tests.integration.program import fetch, free_ports
from tests.integration.prometheus import Prometheus
from tests.integration.service import OfMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers

PROTOCOLS = {
    "text": "PrometheusText1.0.0",
    "openmetrics": "OpenMetricsText1.0.0",
    "protobuf": "PrometheusProto",
}


@contextmanager
def exposing(folder: Path, **options: Any) -> Iterator[tuple[OfMetrics, int]]:
    """A Penstock, and the port that is scraped."""
    (port,) = free_ports(1)
    exporter = {"endpoint": f"127.0.0.1:{port}", "enable_open_metrics": True, **options}
    with OfMetrics(folder, {"prometheus": exporter}) as penstock:
        yield penstock, port


def jobs(port: int) -> list[dict[str, Any]]:
    """One for each format, whose series have its name as a label."""
    return [
        {
            "job_name": name,
            "honor_labels": True,
            "scrape_protocols": [protocol],
            "scrape_native_histograms": name == "protobuf",
            "always_scrape_classic_histograms": False,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"format": name}}],
        }
        for name, protocol in PROTOCOLS.items()
    ]


def test_prometheus_reads_every_type_in_every_format(peers: Peers, tmp_path: Path) -> None:
    with (
        exposing(tmp_path) as (penstock, port),
        Prometheus(
            peers, tmp_path, jobs(port), ["--enable-feature=exemplar-storage"]
        ) as prometheus,
    ):
        penstock.post(of_every_type())
        for format_ in PROTOCOLS:
            expect_every_type(prometheus, format_)
        ((_, native),) = prometheus.query('native{format="protobuf"}')
        assert (native["count"], native["sum"]) == ("10", "12.5")
        assert sum(float(bucket[3]) for bucket in native["buckets"]) == 10
        assert [
            exemplar["labels"]["span_id"]
            for exemplar in prometheus.exemplars('requests_total{format=~"openmetrics|protobuf"}')
        ] == ["0102030405060708"] * 2


def expect_every_type(prometheus: Prometheus, format_: str) -> None:
    """Wait until it has scraped; what it knows then must be what was sent."""
    labels = f'{{format="{format_}"}}'
    found = prometheus.wait_until(lambda: prometheus.query(f"requests_total{labels}"))
    assert [value for _, value in prometheus.query(f"up{labels}")] == ["1"]
    ((series, value),) = found
    assert value == "5"
    assert series["job"] == "shop"
    assert series["http_route"] == "/"
    assert series["otel_scope_name"] == "lib"
    for name, expected in {
        "ratio": "0.25",
        "imported": "-7",
        "quantiles": "1.5",
        "quantiles_sum": "4.5",
        "target_info": "1",
    }.items():
        assert [value for _, value in prometheus.query(f"{name}{labels}")] == [expected]
    if format_ != "protobuf":
        buckets = prometheus.query(f"latency_seconds_bucket{labels}")
        assert {series["le"]: value for series, value in buckets} == {
            "1.0": "1",
            "2.5": "3",
            "+Inf": "6",
        }
        assert [value for _, value in prometheus.query(f"native_count{labels}")] == ["10"]


def test_names_of_any_script_arrive(peers: Peers, tmp_path: Path) -> None:
    options = {"translation_strategy": "NoTranslation"}
    with (
        exposing(tmp_path, **options) as (penstock, port),
        Prometheus(peers, tmp_path, jobs(port)) as prometheus,
    ):
        labels: dict[str, Any] = {"http.route": "/", "язык": "ru"}
        penstock.post(Metrics().gauge("очередь.depth", 7, **labels).batch)
        for format_ in ("text", "openmetrics"):  # Prometheus asks for them in no other
            expression = f'{{"очередь.depth", format="{format_}"}}'
            asked = partial(prometheus.query, expression)
            ((series, value),) = prometheus.wait_until(asked)
            assert (value, series["язык"], series["http.route"]) == ("7", "ru", "/")


@pytest.mark.parametrize("strategy", ["UnderscoreEscapingWithSuffixes", "NoTranslation"])
def test_promtool_finds_nothing_wrong(peers: Peers, tmp_path: Path, strategy: str) -> None:
    with exposing(tmp_path, translation_strategy=strategy) as (penstock, port):
        metrics = Metrics(service__name="shop").sum("requests", 1).gauge("queue.depth", 1)
        metrics.histogram("latency", [1, 2], [0.5])
        for metric in metrics.metrics:
            metric.description = 'What it is: "so"\n and \\so.'
        metrics.metrics[2].unit = "s"
        penstock.post(metrics.batch)
        page = penstock.wait_until(lambda: fetch(f"http://127.0.0.1:{port}/metrics"))
        assert page
    if strategy == "NoTranslation":
        page = page.replace(b"requests", b"requests_total")  # or promtool asks for the suffix
    command = peers.command("prometheus", "tool", "check", "metrics")
    checked = subprocess.run(command, input=page, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
