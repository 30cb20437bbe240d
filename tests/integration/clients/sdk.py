"""Send one of everything with the Python SDK, to Penstock and, as the truth, to the recorder.

sdk.py SERVICE PROTOCOL COMPRESSION PENSTOCK_URL TRUTH_URL
"""

from __future__ import annotations

import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

CLASSES = {"traces": "OTLPSpanExporter", "metrics": "OTLPMetricExporter", "logs": "OTLPLogExporter"}
MODULES = {"traces": "trace_exporter", "metrics": "metric_exporter", "logs": "_log_exporter"}
GRPC_COMPRESSION = {"none": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip}

SERVICE, PROTOCOL, COMPRESSION, PENSTOCK, TRUTH = sys.argv[1:]
ELSEWHERE = SpanContext(
    trace_id=0x0AF7651916CD43DD8448EB211C80319C,
    span_id=0xB7AD6B7169203331,
    is_remote=True,
    trace_flags=TraceFlags(TraceFlags.SAMPLED),
)


def main() -> None:
    """Send traces, metrics and logs; end when both sides have answered."""
    resource = Resource(
        {"service.name": SERVICE, "host.cpus": 8, "host.load": 0.5, "host.tags": ["a", "b"]}
    )
    tracers = TracerProvider(resource=resource)
    loggers = LoggerProvider(resource=resource)
    for exporters in both():
        tracers.add_span_processor(BatchSpanProcessor(exporters("traces")))
        loggers.add_log_record_processor(BatchLogRecordProcessor(exporters("logs")))
    reader = PeriodicExportingMetricReader(Tee(*(exporters("metrics") for exporters in both())))
    exponential = View(
        instrument_name="latency", aggregation=ExponentialBucketHistogramAggregation()
    )
    meters = MeterProvider([reader], resource, views=[exponential])
    send(tracers, meters, loggers)
    for provider in (tracers, meters, loggers):
        provider.shutdown()


def both() -> tuple[Any, Any]:
    """A function from a signal to its exporter: for Penstock, and for the recorder."""
    if PROTOCOL == "grpc":
        return lambda signal: grpc_exporter(signal, PENSTOCK, COMPRESSION), truth
    return http_exporter, truth


def truth(signal: str) -> Any:
    """The exporter that goes straight to the recorder."""
    return grpc_exporter(signal, TRUTH, "none")


def grpc_exporter(signal: str, url: str, compression: str) -> Any:
    """An OTLP/gRPC exporter."""
    module = importlib.import_module(f"opentelemetry.exporter.otlp.proto.grpc.{MODULES[signal]}")
    exporter = getattr(module, CLASSES[signal])
    return exporter(endpoint=url, insecure=True, compression=GRPC_COMPRESSION[compression])


def http_exporter(signal: str) -> Any:
    """An OTLP/HTTP exporter, to Penstock."""
    module = importlib.import_module(f"opentelemetry.exporter.otlp.proto.http.{MODULES[signal]}")
    exporter = getattr(module, CLASSES[signal])
    return exporter(endpoint=f"{PENSTOCK}/v1/{signal}", compression=Compression(COMPRESSION))


class Tee(MetricExporter):
    """One collection of metrics, to two exporters."""

    def __init__(self, *exporters: MetricExporter) -> None:
        super().__init__()
        self._exporters = exporters

    def export(self, metrics_data: Any, *args: Any, **kwargs: Any) -> MetricExportResult:
        results = [exporter.export(metrics_data, *args, **kwargs) for exporter in self._exporters]
        return max(results, key=lambda result: result.value)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return all(exporter.force_flush(timeout_millis) for exporter in self._exporters)

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        for exporter in self._exporters:
            exporter.shutdown()


def send(tracers: TracerProvider, meters: MeterProvider, loggers: LoggerProvider) -> None:
    """One of everything."""
    tracer = tracers.get_tracer("shop", "1.2.3", attributes={"team": "checkout"})
    attributes: dict[str, AttributeValue] = {
        "text": "grüße 🚰",
        "integer": 9007199254740991,
        "double": 0.25,
        "boolean": True,
        "texts": ["a", "b"],
        "integers": [1, -2],
    }
    with tracer.start_as_current_span(
        "checkout", kind=SpanKind.SERVER, attributes=attributes
    ) as span:
        span.add_event("cart.loaded", {"items": 3})
        span.set_status(Status(StatusCode.OK))
        with tracer.start_as_current_span(
            "charge", kind=SpanKind.CLIENT, links=[Link(ELSEWHERE, {"why": "retry"})]
        ) as child:
            child.record_exception(ValueError("card declined"))
            child.set_status(Status(StatusCode.ERROR, "card declined"))
        with tracer.start_as_current_span("notify", kind=SpanKind.PRODUCER):
            write_logs(loggers)
        measure(meters)


def measure(meters: MeterProvider) -> None:
    """A series of every kind of instrument."""
    meter = meters.get_meter("shop", "1.2.3")
    orders = meter.create_counter("orders", "1", "Orders taken.")
    orders.add(5, {"region": "eu", "paid": True})
    orders.add(2, {"region": "us", "paid": False})
    meter.create_up_down_counter("carts").add(-3)
    meter.create_gauge("temperature", "Cel").set(21.5)
    meter.create_observable_gauge("queue.depth", [lambda _: [Observation(7, {"queue": "mail"})]])
    for value in (0.0, 1.5, 20.0, 5000.0):
        meter.create_histogram("order.value", "EUR").record(value)
        meter.create_histogram("latency", "ms").record(value)


def write_logs(loggers: LoggerProvider) -> None:
    """Records with a body of text and one of structure."""
    logger = loggers.get_logger("shop", "1.2.3")
    logger.emit(
        LogRecord(
            timestamp=time.time_ns(),
            context=trace.set_span_in_context(trace.get_current_span()),
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            body="mail server is slow",
            attributes={"attempt": 2, "host": "mail-1"},
        )
    )
    logger.emit(
        LogRecord(
            timestamp=time.time_ns(),
            body={"order": 17, "lines": ["a", "b"], "total": 12.5},
            event_name="order.placed",
        )
    )


main()
