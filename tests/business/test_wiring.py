"""Where settings have indicators, and where their numbers go."""

from __future__ import annotations

import pytest

from penstock.business.wiring import indicators_of, namer_of
from penstock.config.load import load_text
from penstock.prometheus.names import MetricType

GATEWAY = """
receivers: {otlp: {protocols: {grpc: {}}}}
processors:
  business_metrics/within: {indicators: {points: {kind: count, from: datapoints}}}
connectors:
  business_metrics: {indicators: {tasks: {kind: count, from: spans}}}
  forward: {}
exporters:
  nop: {}
  prometheus: {endpoint: "127.0.0.1:0", namespace: shop}
  prometheusremotewrite: {endpoint: "http://127.0.0.1:1/write", namespace: far}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [business_metrics]}
    metrics/first: {receivers: [business_metrics], exporters: [FIRST]}
    metrics/second: {receivers: [forward], exporters: [SECOND]}
    metrics: {receivers: [otlp], processors: [business_metrics/within], exporters: [nop]}
"""


def test_connectors_and_processors_have_indicators() -> None:
    text = GATEWAY.replace("FIRST", "nop, forward").replace("SECOND", "prometheus")
    found = indicators_of(load_text(text, "gateway.yaml", {}))
    assert {id_: list(it.indicators) for id_, it in found.items()} == {
        "business_metrics": ["tasks"],
        "business_metrics/within": ["points"],
    }


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("prometheus, forward", "prometheusremotewrite", "shop_tasks_total"),
        ("nop, forward", "prometheusremotewrite", "far_tasks_total"),
        ("nop, forward", "nop", "tasks_total"),
    ],
)
def test_names_are_those_of_the_first_exporter_to_prometheus_on_the_way(
    first: str, second: str, named: str
) -> None:
    text = GATEWAY.replace("FIRST", first).replace("SECOND", second)
    namer = namer_of(load_text(text, "gateway.yaml", {}), "business_metrics")
    assert namer.metric("tasks", "", MetricType.COUNTER) == named
    within = namer_of(load_text(text, "gateway.yaml", {}), "business_metrics/within")
    assert within.metric("points", "", MetricType.COUNTER) == "points_total"
