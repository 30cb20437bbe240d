"""Own telemetry on its way to a back end: metrics, traces and logs by OTLP.

The OpenTelemetry SDK gathers and sends, in threads of its own. It is imported only where the
settings ask for it.
"""

from __future__ import annotations

import asyncio
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.pipeline.component import Extension
from penstock.pipeline.errors import StartError
from penstock.pipeline.telemetry.instruments import show
from penstock.pipeline.telemetry.logpush import LogHandler
from penstock.pipeline.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace.sampling import Sampler

    from penstock.config.push import BatchSection, OtlpSection, PeriodicSection
    from penstock.config.settings import TracingSettings
    from penstock.config.tracing import SamplerSection
    from penstock.pipeline.telemetry.registry import Level, Telemetry

_EXPORTERS = {
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
"""Where the SDK has the exporter of each signal, below its protocol."""


class MetricsPush(Extension):
    """Pushes own metrics at an interval."""

    def __init__(
        self,
        telemetry: Telemetry,
        pushes: Sequence[PeriodicSection],
        level: Level,
        resource: dict[str, Any],
    ) -> None:
        self._telemetry = telemetry
        self._pushes = pushes
        self._level = level
        self._resource = resource
        self._shutdown: Callable[[], object] | None = None

    async def start(self) -> None:
        """Begin. Raises `StartError`."""
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource

        readers = [
            PeriodicExportingMetricReader(
                exporter("metrics", push.exporter.otlp), push.interval, push.timeout
            )
            for push in self._pushes
        ]
        provider = MeterProvider(readers, Resource(self._resource), shutdown_on_exit=False)
        show(self._telemetry, provider, self._level, units=True)
        self._shutdown = provider.shutdown

    async def stop(self) -> None:
        """Push once more."""
        shutdown, self._shutdown = self._shutdown, None
        if shutdown:
            await in_thread(shutdown)


class TracesPush(Extension):
    """Pushes own traces, which are made by `tracing`."""

    def __init__(self, settings: TracingSettings, resource: dict[str, Any]) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        self._provider = TracerProvider(
            sampler(settings.sampler), Resource(resource), shutdown_on_exit=False
        )
        self._pushes = settings.pushes
        self._started = False
        self.tracing = Tracing(self._provider.get_tracer("penstock"))

    async def start(self) -> None:
        """Begin. Raises `StartError`."""
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._started = True
        for push in self._pushes:
            to = exporter("traces", push.exporter.otlp)
            self._provider.add_span_processor(BatchSpanProcessor(to, **batching(push)))

    async def stop(self) -> None:
        """Push what is left."""
        if self._started:
            self._started = False
            await in_thread(self._provider.shutdown)


class LogsPush(Extension):
    """Pushes Penstock's own log, besides writing it."""

    def __init__(self, pushes: Sequence[BatchSection], resource: dict[str, Any]) -> None:
        self._pushes = pushes
        self._resource = resource
        self._handler: LogHandler | None = None

    async def start(self) -> None:
        """Begin. Raises `StartError`."""
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.resources import Resource

        provider = LoggerProvider(Resource(self._resource), shutdown_on_exit=False)
        for push in self._pushes:
            to = exporter("logs", push.exporter.otlp)
            provider.add_log_record_processor(BatchLogRecordProcessor(to, **batching(push)))
        self._handler = LogHandler(provider)
        self._handler.attach()

    async def stop(self) -> None:
        """Push what is left."""
        handler, self._handler = self._handler, None
        if handler:
            handler.detach()
            await in_thread(handler.provider.shutdown)


def batching(push: BatchSection) -> dict[str, Any]:
    """The arguments of the SDK's processors that gather."""
    return {
        "max_queue_size": push.max_queue_size,
        "schedule_delay_millis": push.schedule_delay,
        "max_export_batch_size": push.max_export_batch_size,
    }


def sampler(section: SamplerSection) -> Sampler:
    """The SDK's sampler of these settings."""
    from opentelemetry.sdk.trace import sampling

    if section.parent_based:
        return sampling.ParentBased(sampler(section.parent_based.root))
    if section.trace_id_ratio_based:
        return sampling.TraceIdRatioBased(section.trace_id_ratio_based.ratio)
    return sampling.ALWAYS_OFF if section.never else sampling.ALWAYS_ON


def exporter(signal: str, settings: OtlpSection) -> Any:
    """The SDK's exporter of `signal`. Raises `StartError` for certificates that cannot be read."""
    module, name = _EXPORTERS[signal]
    protocol = "grpc" if settings.protocol == "grpc" else "http"
    found = getattr(import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.{module}"), name)
    for file in (settings.certificate, settings.client_certificate, settings.client_key):
        _check_readable(file)
    arguments = _grpc(settings) if protocol == "grpc" else _http(settings, signal)
    return found(headers=settings.secrets, timeout=settings.timeout / 1000, **arguments)


def _grpc(settings: OtlpSection) -> dict[str, Any]:
    import grpc

    clear = settings.url.startswith("http:")
    gzip = settings.compression == "gzip"
    return {
        "endpoint": settings.url,
        "insecure": clear,
        "credentials": None if clear else _credentials(settings),
        "compression": grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression,
    }


def _credentials(settings: OtlpSection) -> Any:
    import grpc

    files = (settings.certificate, settings.client_key, settings.client_certificate)
    return grpc.ssl_channel_credentials(
        *(Path(file).read_bytes() if file else None for file in files)
    )


def _http(settings: OtlpSection, signal: str) -> dict[str, Any]:
    from opentelemetry.exporter.otlp.proto.http import Compression

    return {
        "endpoint": settings.url_of(signal),
        "certificate_file": settings.certificate or None,
        "client_certificate_file": settings.client_certificate or None,
        "client_key_file": settings.client_key or None,
        "compression": Compression(settings.compression),
    }


def _check_readable(file: str) -> None:
    if not file:
        return
    try:
        Path(file).open("rb").close()
    except OSError as error:
        msg = f"cannot read {file}: {error.strerror}"
        raise StartError(msg) from error


async def in_thread(work: Callable[[], object]) -> None:
    """Run `work` in a thread that does not keep the process from ending."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="telemetry shutdown", daemon=True).start()
    await done.wait()
