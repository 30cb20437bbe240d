"""Remote write in both versions: into a real Prometheus, and from one."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from penstock.prometheus.remote_write import V1, V2
from tests.exporters.exposing import of_every_type
from tests.integration.program import free_ports
from tests.integration.prometheus import Prometheus
from tests.integration.service import OfMetrics, Penstock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.pipeline import Batch
    from penstock.prometheus.remote_write import Message
    from tests.integration.peers import Peers
    from tests.integration.recorder import Recorder

BOTH = pytest.mark.parametrize("message", [V1, V2], ids=["1.0", "2.0"])

TAKES = ["--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage"]


class Written(Penstock):
    """Takes remote write on a port, and passes it on."""

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        (self.port,) = free_ports(1)
        settings = super().settings(exporters)
        settings["receivers"] = {
            "prometheusremotewrite": {"endpoint": f"127.0.0.1:{self.port}"},
        }
        pipeline = settings["service"]["pipelines"]["metrics"]
        pipeline["receivers"] = ["prometheusremotewrite"]
        settings["service"]["pipelines"] = {"metrics": pipeline}
        return settings


def now(batch: Batch) -> Batch:
    """The same of this moment: Prometheus does not show what is old."""
    return batch.set("datapoint.time_unix_nano", time.time_ns())


@BOTH
def test_prometheus_takes_every_type(peers: Peers, tmp_path: Path, message: Message) -> None:
    with Prometheus(peers, tmp_path, flags=TAKES) as prometheus:
        exporter = {
            "endpoint": f"http://127.0.0.1:{prometheus.port}/api/v1/write",
            "protobuf_message": message.name,
        }
        with OfMetrics(tmp_path, {"prometheusremotewrite": exporter}) as penstock:
            batch = now(of_every_type())
            penstock.post(batch)
            penstock.expect_delivered("metrics", len(batch))
            expect_every_type(prometheus)
            if message is V2:
                written = penstock.numbers().total("penstock_exporter_written_samples_total")
                assert written == 11

            ended = now(of_every_type()).set("datapoint.flags", 1)
            penstock.post(ended)
            penstock.expect_delivered("metrics", 2 * len(batch))
            prometheus.wait_until(
                lambda: not prometheus.query('{job="shop",__name__!="target_info"}')
            )


def expect_every_type(prometheus: Prometheus) -> None:
    """What Prometheus knows must be what was sent."""
    ((series, value),) = prometheus.query("requests_total")
    assert value == "5"
    assert (series["job"], series["http_route"], series["otel_scope_name"]) == ("shop", "/", "lib")
    for expression, expected in {
        "ratio": "0.25",
        "imported": "-7",
        'quantiles{quantile="0.5"}': "1.5",
        "quantiles_sum": "4.5",
        "quantiles_count": "3",
        "latency_seconds_sum": "7.5",
        "latency_seconds_count": "6",
    }.items():
        assert [value for _, value in prometheus.query(expression)] == [expected], expression
    buckets = prometheus.query("latency_seconds_bucket")
    assert {series["le"]: value for series, value in buckets} == {"1": "1", "2.5": "3", "+Inf": "6"}
    ((_, native),) = prometheus.query("native")
    assert (native["count"], native["sum"]) == ("10", "12.5")
    assert sum(float(bucket[3]) for bucket in native["buckets"]) == 10
    ((_, quantile),) = prometheus.query("histogram_quantile(0.1, native)")
    assert float(quantile) < 0
    (exemplar,) = prometheus.exemplars("requests_total")
    assert exemplar["labels"]["span_id"] == "0102030405060708"


@BOTH
def test_what_prometheus_writes_arrives(
    peers: Peers, tmp_path: Path, recorder: Recorder, message: Message
) -> None:
    out = {"otlp": {"endpoint": recorder.address, "tls": {"insecure": True}}}
    with Written(tmp_path, out) as penstock:
        url = f"http://127.0.0.1:{penstock.port}/api/v1/write"
        write = {
            "url": url,
            "protobuf_message": message.name,
            "send_native_histograms": True,
            "queue_config": {"batch_send_deadline": "100ms"},
            "metadata_config": {"send_interval": "100ms"},
        }
        target = f"127.0.0.1:{penstock.ports.metrics}"
        job = {
            "job_name": "eu/penstock",
            "static_configs": [{"targets": [target]}],
            "metric_relabel_configs": [
                {
                    "source_labels": ["__name__"],
                    "regex": "otelcol_process_.*",
                    "action": "keep",
                }
            ],
        }
        flags = ["--enable-feature=type-and-unit-labels"]
        with Prometheus(peers, tmp_path, [job], flags, [write]):
            names = {"up", "otelcol_process_cpu_seconds", "otelcol_process_memory_rss"}
            penstock.wait_until(lambda: names <= received(recorder).keys())
            counter = partial(kinds, recorder, "otelcol_process_cpu_seconds")
            penstock.wait_until(lambda: "sum" in counter())
        numbers = penstock.numbers()
        assert numbers.total("penstock_receiver_turned_away_requests_total") == 0
    resource = received(recorder)["otelcol_process_memory_rss"][0]
    assert resource["service.namespace"] == "eu"
    assert resource["service.name"] == "penstock"
    assert resource["service.instance.id"] == target


def received(recorder: Recorder) -> dict[str, list[dict[str, str]]]:
    """The attributes of the resources of each metric that came."""
    found: dict[str, list[dict[str, str]]] = {}
    for request in recorder.requests("metrics"):
        for around in request.resource_metrics:
            pairs = around.resource.attributes
            attributes = {pair.key: pair.value.string_value for pair in pairs}
            for scope in around.scope_metrics:
                for metric in scope.metrics:
                    found.setdefault(metric.name, []).append(attributes)
    return found


def kinds(recorder: Recorder, name: str) -> set[str]:
    """As what kinds of data a metric came."""
    return {
        metric.WhichOneof("data")
        for request in recorder.requests("metrics")
        for around in request.resource_metrics
        for scope in around.scope_metrics
        for metric in scope.metrics
        if metric.name == name
    }
