"""A service that tells of itself by OTLP: spans, log records and metrics."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
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
    from collections.abc import Callable, Mapping, Sequence

    Attributes = Mapping[str, Any]

SECOND = 1_000_000_000


class Service:
    """A service of a system: what is made of none of a signal costs nothing."""

    def __init__(self, system: str, name: str) -> None:
        self.name = name
        self._resource = Resource.create(
            {
                "service.namespace": system,
                "service.name": name,
                "service.instance.id": f"{name}-1",
                "deployment.environment.name": "demo",
            }
        )
        self.stops: list[Callable[[], None]] = []
        """What has to be called at the end, to send what is not yet sent."""
        self._instruments: dict[str, Any] = {}

    @cached_property
    def _tracer(self) -> trace.Tracer:
        provider = TracerProvider(resource=self._resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.stops.append(provider.shutdown)
        return provider.get_tracer(self.name)

    @cached_property
    def _logger(self) -> Any:
        provider = LoggerProvider(resource=self._resource)
        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        self.stops.append(provider.shutdown)
        return provider.get_logger(self.name)

    @cached_property
    def _meter(self) -> Any:
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        provider = MeterProvider([reader], resource=self._resource)
        self.stops.append(provider.shutdown)
        return provider.get_meter(self.name)

    def span(  # noqa: PLR0913  (what, how long, when, within what, and of what kind)
        self,
        name: str,
        seconds: float,
        attributes: Attributes | None = None,
        *,
        ago: float = 0.0,
        parent: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        failed: bool = False,
    ) -> Context:
        """Work that took so many seconds and ended so many `ago`, as a parent of what follows."""
        end = time.time_ns() - round(ago * SECOND)
        span = self._tracer.start_span(
            name,
            context=parent or Context(),
            kind=kind,
            attributes=attributes,
            start_time=end - round(seconds * SECOND),
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(end)
        return trace.set_span_in_context(span, parent)

    def event(
        self, name: str, attributes: Attributes | None = None, within: Context | None = None
    ) -> None:
        """Something that just happened, maybe within a span."""
        self._emit(SeverityNumber.INFO, within, event_name=name, attributes=attributes)

    def log(self, text: str, within: Context | None = None, *, failed: bool = False) -> None:
        """A line of the log, maybe of a span; of severity ERROR where something failed."""
        severity = SeverityNumber.ERROR if failed else SeverityNumber.INFO
        self._emit(severity, within, body=text)

    def _emit(self, severity: SeverityNumber, within: Context | None, **fields: Any) -> None:
        record = LogRecord(
            timestamp=time.time_ns(),
            context=within or Context(),
            severity_number=severity,
            severity_text=severity.name,
            **fields,
        )
        self._logger.emit(record)

    def count(self, name: str, attributes: Attributes | None = None, by: float = 1) -> None:
        """Add to a total."""
        self._instrument("counter", name).add(by, attributes)

    def show(self, name: str, value: float, attributes: Attributes | None = None) -> None:
        """Say what something is now."""
        self._instrument("gauge", name).set(value, attributes)

    def took(
        self,
        name: str,
        seconds: float,
        attributes: Attributes | None = None,
        bounds: Sequence[float] | None = None,
    ) -> None:
        """Add to a histogram of times."""
        options = {"unit": "s", "explicit_bucket_boundaries_advisory": bounds}
        self._instrument("histogram", name, options).record(seconds, attributes)

    def _instrument(self, kind: str, name: str, options: Mapping[str, Any] | None = None) -> Any:
        if name not in self._instruments:
            create = getattr(self._meter, f"create_{kind}")
            self._instruments[name] = create(name, **(options or {}))
        return self._instruments[name]
