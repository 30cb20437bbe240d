"""Own telemetry on its way to a back end, which is a receiver of Penstock's."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.config.telemetry import TelemetrySection
from penstock.pipeline import Permanent, Signal, StartError
from penstock.pipeline.runner import Running
from penstock.processors.batch import Config as BatchProcessor
from penstock.receivers.otlp import Config as Receiver
from tests.kit import Backend, GivenBackend, Source, eventually, in_loop, service, spans, wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from penstock.config.settings import Settings, TelemetrySettings

PROTOCOLS = ["grpc", "http/protobuf"]
REQUESTS: dict[Signal, Any] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}


class Observer:
    """A back end that takes what a service says about itself."""

    def __init__(self, port: int, backend: Backend) -> None:
        self.port = port
        self._backend = backend

    def requests(self, signal: Signal) -> list[Any]:
        """The requests that it got."""
        got = [batch for batch in self._backend.got if batch.signal is signal]
        return [REQUESTS[signal].FromString(batch.to_otlp()) for batch in got]

    @property
    def spans(self) -> dict[str, Span]:
        """The last span of each name."""
        return {
            span.name: span
            for request in self.requests(Signal.TRACES)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of the last request, by name."""
        (resource,) = self.requests(Signal.METRICS)[-1].resource_metrics
        return {each.name: each for scope in resource.scope_metrics for each in scope.metrics}

    def exporter(self, protocol: str, **options: Any) -> dict[str, Any]:
        """What a service's settings have to say to send here."""
        endpoint = f"http://127.0.0.1:{self.port}"
        return {"otlp": {"protocol": protocol, "endpoint": endpoint, **options}}


@asynccontextmanager
async def observer() -> AsyncIterator[Observer]:
    backend = Backend()
    receiver = Receiver.model_validate({"protocols": {"grpc": {"endpoint": "127.0.0.1:0"}}})
    pipelines = [f"{signal}: otlp -> out" for signal in Signal]
    async with service(wire(*pipelines, otlp=receiver, out=backend)) as running:
        port = running._parts.receivers["otlp"][0].ports["grpc"]  # type: ignore[attr-defined]
        yield Observer(port, backend)


def observed(settings: Settings, **section: Any) -> Settings:
    """`settings` with a section `service::telemetry`, and no page."""
    section.setdefault("metrics", {}).setdefault("readers", [])
    telemetry: TelemetrySettings = TelemetrySection.model_validate(section).settings()
    return replace(settings, telemetry=telemetry)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@in_loop
async def test_own_metrics_are_pushed_at_an_interval_and_at_the_end(protocol: str) -> None:
    source = Source()
    async with observer() as far:
        periodic = {"interval": 20, "exporter": far.exporter(protocol, compression="gzip")}
        settings = observed(
            wire("traces: in -> out", in_=source, out=Backend()),
            metrics={"readers": [{"periodic": periodic}]},
            resource={"service.name": "edge", "service.version": None, "site": "eu"},
        )
        async with service(settings):
            await eventually(lambda: far.requests(Signal.METRICS))
            await source.send(spans(3))
        sent = far.metrics["otelcol_exporter_sent_spans"]
        (resource,) = far.requests(Signal.METRICS)[-1].resource_metrics
    assert [point.as_int for point in sent.sum.data_points] == [3]
    assert (sent.unit, sent.sum.is_monotonic) == ("{span}", True)
    assert "otelcol_process_memory_rss" in far.metrics
    attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert attributes.pop("service.instance.id")
    assert attributes == {"service.name": "edge", "site": "eu"}


@in_loop
async def test_histograms_are_pushed_as_they_are_shown() -> None:
    source = Source()
    async with observer() as far:
        periodic = {"exporter": far.exporter("grpc")}
        settings = observed(
            wire(
                "traces: in -> batch -> out",
                in_=source,
                batch=BatchProcessor(send_batch_size=0),
                out=Backend(),
            ),
            metrics={"readers": [{"periodic": periodic}]},
        )
        async with service(settings):
            await source.send(spans(30))
        sizes = far.metrics["otelcol_processor_batch_batch_send_size"]
    (point,) = sizes.histogram.data_points
    assert (point.count, point.sum) == (1, 30)
    assert "otelcol_processor_batch_batch_send_size_bytes" not in far.metrics


@pytest.mark.parametrize("protocol", PROTOCOLS)
@in_loop
async def test_own_log_is_pushed_with_what_it_is_about(protocol: str) -> None:
    source, backend = Source(), Backend(Permanent("bad\nbatch"))
    async with observer() as far:
        batch = {"exporter": far.exporter(protocol)}
        settings = observed(
            wire("traces: in -> out/eu", in_=source, out__eu=GivenBackend(component=backend)),
            logs={"processors": [{"batch": batch}]},
        )
        async with service(settings):
            await source.send(spans(3))
        found = [
            record
            for request in far.requests(Signal.LOGS)
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
    (record,) = [each for each in found if "bad" in each.body.string_value]
    assert record.body.string_value.endswith(r"(3 items, 1 times): bad\nbatch")
    assert (record.severity_number, record.severity_text) == (13, "warning")
    attributes = {each.key: each.value.string_value for each in record.attributes}
    assert attributes["otelcol.component.kind"] == "exporter"
    assert attributes["otelcol.component.id"] == "out/eu"
    assert attributes["otelcol.signal"] == "traces"
    assert logging.getLogger("penstock").handlers == []


def tracing(far: Observer, **more: Any) -> dict[str, Any]:
    processors = [{"batch": {"exporter": far.exporter("grpc")}}]
    return {"traces": {"processors": processors, **more}}


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


@in_loop
async def test_a_batch_has_one_trace_from_its_receiver_to_the_attempt() -> None:
    source = Source()
    async with observer() as far:
        settings = observed(
            wire(
                "traces: in -> batch -> out",
                in_=source,
                batch=BatchProcessor(),
                out=GivenBackend(component=Backend()),
            ),
            **tracing(far),
        )
        async with service(settings):
            await source.send(spans(3))
        found = far.spans
    order = [
        "receiver/in/TraceDataReceived",
        "processor/batch",
        "processor/batch/send",
        "exporter/out/traces",
        "exporter/out/traces/attempt",
    ]
    assert found.keys() == set(order)
    assert len({span.trace_id for span in found.values()}) == 1
    parents = [found[name].parent_span_id for name in order]
    assert parents == [b"", *(found[name].span_id for name in order[:-1])]
    assert {attributes(span)["items"] for span in found.values()} == {3}
    assert attributes(found["processor/batch"])["pipeline"] == "traces"
    assert attributes(found[order[-1]])["items.sent"] == 3


@in_loop
async def test_what_is_made_of_several_batches_is_linked_to_all_of_them() -> None:
    source = Source()
    queue = {"batch": {"flush_timeout": "10s", "min_size": 6}}
    out = GivenBackend.model_validate({"component": Backend(), "sending_queue": queue})
    async with observer() as far:
        settings = observed(wire("traces: in -> out", in_=source, out=out), **tracing(far))
        async with service(settings):
            for _ in range(3):
                await source.send(spans(2))
        sent = far.spans["exporter/out/traces"]
    assert attributes(sent)["items"] == 6
    assert len({sent.trace_id, *(link.trace_id for link in sent.links)}) == 3


@in_loop
async def test_a_fault_is_the_error_of_the_spans_that_met_it() -> None:
    source, backend = Source(), Backend(Permanent("no such tenant"))
    async with observer() as far:
        settings = observed(wire("traces: in -> out", in_=source, out=backend), **tracing(far))
        async with service(settings):
            with pytest.raises(Exception, match="no such tenant"):
                await source.send(spans(3))
        found = far.spans
    assert {span.status.message for span in found.values()} == {"no such tenant"}
    assert {span.status.code for span in found.values()} == {2}


@pytest.mark.parametrize(
    "sampler",
    [
        {"always_off": {}},
        {"trace_id_ratio_based": {"ratio": 0}},
        {"parent_based": {"root": {"always_off": None}}},
    ],
)
@in_loop
async def test_what_is_not_sampled_at_the_receiver_is_not_later_either(
    sampler: dict[str, Any],
) -> None:
    source = Source()
    out = GivenBackend(component=Backend())
    async with observer() as far:
        settings = wire("traces: in -> batch -> out", in_=source, batch=BatchProcessor(), out=out)
        async with service(observed(settings, **tracing(far, sampler=sampler))):
            await source.send(spans(3))
        assert far.requests(Signal.TRACES) == []


@in_loop
async def test_a_back_end_that_is_down_holds_up_neither_the_service_nor_its_end() -> None:
    source, backend = Source(), Backend()
    otlp = {"protocol": "grpc", "endpoint": "http://127.0.0.1:1"}
    patient, hasty = {"otlp": {**otlp, "timeout": 3000}}, {"otlp": {**otlp, "timeout": 10}}
    settings = observed(
        wire("traces: in -> out", in_=source, out=backend),
        metrics={"readers": [{"periodic": {"interval": 10, "exporter": hasty}}]},
        traces={"processors": [{"batch": {"exporter": patient}}]},
        logs={"processors": [{"batch": {"exporter": hasty}}]},
    )
    begin = asyncio.get_running_loop().time()
    async with service(settings):
        await source.send(spans(3))
    took = asyncio.get_running_loop().time() - begin
    # Threads of the SDK that go on would disturb other tests: they draw random numbers.
    for thread in threading.enumerate():
        if thread.name == "telemetry shutdown":
            await asyncio.to_thread(thread.join)
    assert backend.items == 3
    assert took < 5


@in_loop
async def test_a_certificate_that_cannot_be_read_stops_the_start() -> None:
    exporter = {
        "otlp": {"protocol": "grpc", "endpoint": "https://a:1", "certificate": "/none/ca.pem"}
    }
    settings = observed(
        wire("traces: in -> out", in_=Source(), out=Backend()),
        traces={"processors": [{"batch": {"exporter": exporter}}]},
    )
    with pytest.raises(StartError, match=r"cannot read /none/ca\.pem: No such file"):
        async with Running(settings):
            pass


def test_headers_are_sent_in_clear_and_shown_to_nobody() -> None:
    exporter = {
        "otlp": {
            "protocol": "grpc",
            "endpoint": "collector:4317",
            "headers": [{"name": "Authorization", "value": "s3cret"}],
        }
    }
    section = TelemetrySection.model_validate(
        {"logs": {"processors": [{"batch": {"exporter": exporter}}]}}
    )
    otlp = section.settings().log_pushes[0].exporter.otlp
    assert otlp.secrets == {"authorization": "s3cret"}
    assert otlp.url == "https://collector:4317"
    assert "s3cret" not in repr(section) + section.model_dump_json()
