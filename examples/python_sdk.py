"""Send a trace, a metric and a log record by OTLP, to where the OTEL_ environment variables say.

pip install opentelemetry-sdk opentelemetry-exporter-otlp
OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 python examples/python_sdk.py
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

PROTOCOL = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")


def exporter(module: str, name: str) -> Any:
    """The SDK's OTLP exporter of this name, for the protocol that is asked for."""
    package = "opentelemetry.exporter.otlp.proto." + ("grpc" if PROTOCOL == "grpc" else "http")
    return getattr(import_module(f"{package}.{module}"), name)()


def main() -> None:
    """Place an order, and tell of it in all three signals."""
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override what is given here.
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "shop")})
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(exporter("trace_exporter", "OTLPSpanExporter")))
    reader = PeriodicExportingMetricReader(exporter("metric_exporter", "OTLPMetricExporter"))
    metrics = MeterProvider([reader], resource=resource)
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(
        BatchLogRecordProcessor(exporter("_log_exporter", "OTLPLogExporter"))
    )
    orders = metrics.get_meter("shop").create_counter("shop.orders", description="Orders placed.")

    with traces.get_tracer("shop").start_as_current_span("place order") as span:
        span.set_attribute("order.id", 42)
        orders.add(1, {"payment": "card"})
        placed = LogRecord(severity_number=SeverityNumber.INFO, body="order 42 placed")
        logs.get_logger("shop").emit(placed)

    for provider in (traces, metrics, logs):
        provider.shutdown()  # sends what is not yet sent


if __name__ == "__main__":
    main()
