"""What a service says about itself as a whole: the metrics under their frozen names."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.config.catalog import Kind, types
from penstock.config.components import config_class
from penstock.config.load import load_text
from penstock.config.settings import TelemetrySettings
from penstock.pipeline import Batch, Context, Processor, ProcessorConfig, Signal
from penstock.pipeline.telemetry.registry import Level
from penstock.pipeline.telemetry.setup import OwnTelemetry, attributes
from penstock.processors.batch import Config as BatchProcessor
from penstock.receivers.otlp import GRPC_METHODS, Otlp
from penstock.receivers.otlp import Config as Receiver
from tests.conformance.registry import LEAST
from tests.kit import (
    Backend,
    GivenBackend,
    copy_examples,
    eventually,
    in_loop,
    points,
    records,
    service,
    spans,
    wire,
)
from tests.receivers.clients import GrpcSender, HttpSender

if TYPE_CHECKING:
    from penstock.config.settings import Settings
    from penstock.pipeline.runner import Running
    from penstock.pipeline.telemetry.registry import Family

ROOT = Path(__file__).parents[3]

EVERYTHING = """\
receivers:
  filelog: {include: [FOLDER/*.log], operators: [{type: noop}]}
  hostmetrics: {scrapers: {load: }}
  kafka: {brokers: ["127.0.0.1:1"]}
  otlp:
    protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:0"}}
  prometheus: {config: {scrape_configs: [{job_name: app}]}}
  prometheusremotewrite: {endpoint: "127.0.0.1:0"}
  push_http: {endpoint: "127.0.0.1:0"}
  statsd: {endpoint: "127.0.0.1:0"}
processors:
  batch:
  memory_limiter: {check_interval: 1s, limit_percentage: 100}
  python: {file: FOLDER/mask.py}
exporters:
  debug:
  elasticsearch: {endpoint: "http://127.0.0.1:1"}
  file: {path: PATH}
  kafka: {brokers: ["127.0.0.1:1"]}
  loadbalancing:
    protocol: {otlp: {tls: {insecure: true}}}
    resolver: {static: {hostnames: ["127.0.0.1:1", "127.0.0.1:2"]}}
  nop:
  prometheus: {endpoint: "localhost:0"}
  otlp: {endpoint: "127.0.0.1:1", tls: {insecure: true}, sending_queue: {batch: {}}}
  otlphttp: {endpoint: "http://127.0.0.1:1", dead_letter: {directory: FOLDER/letters}}
  prometheusremotewrite: {endpoint: "http://127.0.0.1:1"}
connectors:
  business_metrics:
    indicators:
      spans_seen: {kind: count, from: spans}
      points_seen: {kind: count, from: datapoints}
      records_seen: {kind: count, from: logs}
  count:
  exceptions:
  forward:
  routing:
    default_pipelines: [traces/3, metrics/3, logs/3]
    table: [{condition: 'attributes["env"] == "eu"', pipelines: [traces/3, metrics/3, logs/3]}]
  servicegraph:
  spanmetrics:
  sum: {logs: {bytes: {source_attribute: size}}}
extensions:
  basicauth: {client_auth: {username: me, password: secret}}
  bearertokenauth: {token: secret}
  file_storage: {directory: FOLDER/storage}
  health_check: {endpoint: "127.0.0.1:0"}
service:
  extensions: [basicauth, bearertokenauth, file_storage, health_check]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, batch, python]
      exporters:
        - debug
        - file
        - forward
        - routing
        - business_metrics
        - count
        - exceptions
        - servicegraph
        - spanmetrics
        - sum
    metrics:
      receivers: [otlp]
      processors: [memory_limiter, batch, python]
      exporters: [debug, file, forward, routing, business_metrics, count, sum]
    logs:
      receivers: [otlp]
      processors: [memory_limiter, batch, python]
      exporters: [debug, file, forward, routing, business_metrics, count, sum]
    traces/2:
      receivers: [forward, kafka]
      exporters: [elasticsearch, kafka, loadbalancing, nop, otlp, otlphttp]
    metrics/2:
      receivers: [forward, hostmetrics, kafka, prometheus, prometheusremotewrite, push_http, statsd]
      exporters: [kafka, nop, otlp, otlphttp, prometheus, prometheusremotewrite]
    logs/2: {receivers: [forward, filelog, kafka], exporters: [kafka, nop, otlp, otlphttp]}
    traces/3: {receivers: [routing], exporters: [nop]}
    metrics/3:
      receivers: [routing, business_metrics, count, exceptions, servicegraph, spanmetrics, sum]
      exporters: [nop]
    logs/3: {receivers: [routing, exceptions], exporters: [nop]}
  telemetry:
    metrics: {address: "127.0.0.1:0", level: detailed}
"""
"""One of every component, each in a place in which it counts all that it can."""


class Metric(NamedTuple):
    """What a dashboard relies on."""

    name: str
    kind: str
    unit: str
    labels: frozenset[str]
    level: str
    description: str


class Keep(Processor):
    """A processor that is a function of a batch."""

    def process(self, batch: Batch) -> Batch | None:
        return batch


class KeepConfig(ProcessorConfig):
    def build(self, context: Context) -> Processor:
        return Keep()


def everything(tmp_path: Path) -> Settings:
    copy_examples(tmp_path)
    text = EVERYTHING.replace("PATH", str(tmp_path / "out.json")).replace("FOLDER", str(tmp_path))
    settings = load_text(text, "all.yaml", {})
    others = [type_ for type_ in types(Kind.PROCESSORS) if type_ not in settings.processors]
    added = {**{type_: least(type_) for type_ in others}, "keep": KeepConfig()}
    pipelines = {
        id_: replace(
            pipeline,
            processors=(
                *pipeline.processors,
                *(type_ for type_, it in added.items() if pipeline.signal in it.signals),
            ),
        )
        for id_, pipeline in settings.pipelines.items()
    }
    processors = {**settings.processors, **added}
    return replace(settings, processors=processors, pipelines=pipelines)


def least(type_: str) -> ProcessorConfig:
    """A processor's least settings."""
    settings = LEAST.get((Kind.PROCESSORS, type_), {})
    return config_class(Kind.PROCESSORS, type_).model_validate(settings)  # type: ignore[return-value]


def metric(family: Family) -> Metric:
    labels = {name for key in family.series for name, _ in key}
    return Metric(
        family.name,
        family.kind,
        family.unit,
        frozenset(labels),
        family.level.name.lower(),
        family.description,
    )


def documented() -> list[Metric]:
    """The rows of the tables in docs/telemetry.md."""
    rows = [
        [cell.strip().strip("`") for cell in line.strip("| \n").split(" | ")]
        for line in (ROOT / "docs" / "telemetry.md").read_text().splitlines()
        if re.match(r"\| `(otelcol|penstock)_", line)
    ]
    return [
        Metric(name, kind, unit, frozenset(re.findall(r"\w+", labels)), level, description)
        for name, kind, unit, labels, level, description in rows
    ]


def test_every_component_is_in_the_service_that_counts_everything(tmp_path: Path) -> None:
    settings = everything(tmp_path)
    for kind in Kind:
        assert set(getattr(settings, kind)) >= set(types(kind))


@in_loop
async def test_metrics_have_the_names_types_units_and_labels_that_the_document_says(
    tmp_path: Path,
) -> None:
    """Dashboards and alerts rely on them: a change here is one in the change log too."""
    async with service(everything(tmp_path)) as running:
        found = {metric(family) for family in running.telemetry.families.values()}

    rows = documented()
    assert len({row.name for row in rows}) == len(rows)
    assert found - set(rows) == set(), "not in docs/telemetry.md, or otherwise"
    assert set(rows) - found == set(), "in docs/telemetry.md, but not there"


def test_no_name_ends_as_the_page_may_end_it() -> None:
    assert [row.name for row in documented() if row.name.endswith("_total")] == []


def listener() -> Receiver:
    protocols = {"grpc": {"endpoint": "127.0.0.1:0"}, "http": {"endpoint": "127.0.0.1:0"}}
    return Receiver.model_validate({"protocols": protocols})


def ports(running: Running) -> dict[str, int]:
    receiver, _ = running._parts.receivers["otlp"]
    assert isinstance(receiver, Otlp)
    return receiver.ports


def send_over_both(ports: dict[str, int], batches: list[Batch]) -> None:
    with GrpcSender(ports["grpc"]) as grpc, HttpSender(ports["http"]) as http:
        for batch in batches:
            grpc.call(GRPC_METHODS[batch.signal], batch.to_otlp())
            http.request(f"/v1/{batch.signal}", batch.to_otlp())
            http.request(f"/v1/{batch.signal}", batch.to_otlp())


@in_loop
async def test_items_and_requests_are_counted_by_the_transport_that_they_came_by() -> None:
    pipelines = [f"{signal}: otlp -> out" for signal in Signal]
    async with service(wire(*pipelines, otlp=listener(), out=Backend())) as running:
        await asyncio.to_thread(send_over_both, ports(running), [spans(3), points(4), records(5)])
    total = running.telemetry.total
    for signal, items in zip(Signal, (3, 4, 5), strict=True):
        name = f"otelcol_receiver_accepted_{signal.items}"
        assert total(name, receiver="otlp", transport="grpc") == items
        assert total(name, receiver="otlp", transport="http") == 2 * items
    requests = "otelcol_receiver_requests"
    assert total(requests, transport="grpc", outcome="success") == 3
    assert total(requests, transport="http", outcome="success") == 6
    assert total(requests) == 9


def of_service(number: int) -> Batch:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    name = resource.resource.attributes.add(key="service.name")
    name.value.string_value = f"service {number}"
    resource.scope_spans.add().spans.add(name=f"GET /{number}", trace_id=b"t" * 16)
    return Batch.from_otlp(Signal.TRACES, request.SerializeToString())


def send_what_never_repeats(ports: dict[str, int]) -> None:
    with HttpSender(ports["http"]) as http, GrpcSender(ports["grpc"]) as grpc:
        for number in range(200):
            body = of_service(number).to_otlp()
            agent = {"user-agent": f"agent {number}", "x-tenant": str(number)}
            http.request("/v1/traces", body, agent)
            http.request(f"/v1/traces/{number}", body)
            http.request("/v1/traces", body, {"content-encoding": f"zip{number}"})
            grpc.call(f"/service{number}/Export", body)
        http.request("/v1/traces", Batch.concat(map(of_service, range(5_000))).to_otlp())


@in_loop
async def test_no_series_is_made_of_what_comes_from_outside() -> None:
    def series() -> int:
        return sum(len(family.series) for family in running.telemetry.families.values())

    out = GivenBackend(component=Backend())
    pipeline = "traces: otlp -> batch -> out"
    batch = BatchProcessor(send_batch_size=0)
    async with service(wire(pipeline, otlp=listener(), batch=batch, out=out)) as running:
        before = series()
        await asyncio.to_thread(send_what_never_repeats, ports(running))
        await eventually(lambda: running.telemetry.total("otelcol_exporter_sent_spans") == 5_200)
        assert series() == before
    assert running.telemetry.total("penstock_receiver_turned_away_requests") == 600


@pytest.mark.parametrize("level", Level)
def test_without_anybody_to_show_it_to_there_is_nothing_to_start(level: Level) -> None:
    own = OwnTelemetry(TelemetrySettings(page=None, level=level))
    assert own.extensions == {}
    assert own.tracing is None


def test_resource_attributes_are_the_usual_ones_unless_they_are_given() -> None:
    usual = attributes({})
    assert usual["service.name"] == "penstock"
    assert usual["service.instance.id"] != attributes({})["service.instance.id"]
    given = attributes({"service.name": "edge", "service.version": None, "site": "eu"})
    assert given.pop("service.instance.id")
    assert given == {"service.name": "edge", "site": "eu"}
