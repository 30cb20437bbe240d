"""What the programs beside this share: spans, events and gauges with times of their own.

They tell of five minutes that are over, so that the same numbers come of them every time.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

if TYPE_CHECKING:
    from collections.abc import Mapping

LENGTH = timedelta(minutes=5)

SECOND = 1_000_000_000


class Past:
    """The five minutes before `until`, in which things happen so many seconds after the first."""

    def __init__(self, service: str, until: datetime) -> None:
        resource = Resource.create({"service.name": service})
        self.begin = until - LENGTH
        self._traces = TracerProvider(resource=resource)
        self._traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._logs = LoggerProvider(resource=resource)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        self._metrics = MeterProvider([reader], resource=resource)
        self._tracer = self._traces.get_tracer(service)
        self._logger = self._logs.get_logger(service)
        self._meter = self._metrics.get_meter(service)

    def span(  # noqa: PLR0913  (what, when, how long, and of what kind)
        self,
        name: str,
        at: float,
        seconds: float,
        attributes: Mapping[str, Any],
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        failed: bool = False,
    ) -> None:
        """Work that began `at` and took so many seconds."""
        span = self._tracer.start_span(
            name, kind=kind, attributes=attributes, start_time=self._time(at)
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(self._time(at + seconds))

    def event(self, name: str, at: float, attributes: Mapping[str, Any]) -> None:
        """Something that happened `at`."""
        self._emit(at, SeverityNumber.INFO, event_name=name, attributes=attributes)

    def error(self, text: str, at: float) -> None:
        """A line of the log about what went wrong."""
        self._emit(at, SeverityNumber.ERROR, body=text)

    def gauge(self, name: str, value: float, attributes: Mapping[str, Any]) -> None:
        """What something is now: the SDK knows no other time of gauges."""
        self._meter.create_gauge(name).set(value, attributes)

    def send(self) -> None:
        """Send what is not yet sent."""
        for provider in (self._traces, self._logs, self._metrics):
            provider.shutdown()

    def _emit(self, at: float, severity: SeverityNumber, **fields: Any) -> None:
        time = self._time(at)
        self._logger.emit(LogRecord(timestamp=time, severity_number=severity, **fields))

    def _time(self, at: float) -> int:
        begin = int(self.begin.timestamp())
        return begin * SECOND + round(at * SECOND)


def read_arguments(description: str) -> datetime:
    """The end of the five minutes to tell of: now, unless `--until` says when."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--until",
        type=datetime.fromisoformat,
        default=datetime.now(UTC),
        metavar="TIME",
        help="such as 2026-01-31T12:00:00+00:00",
    )
    until: datetime = parser.parse_args().until
    return until
