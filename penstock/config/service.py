"""The file as a whole, and its `service` section: what runs and what Penstock says about itself."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from penstock.config.settings import (
    METRICS_ADDRESS,
    LogEncoding,
    LogLevel,
    MetricsLevel,
    TelemetrySettings,
)
from penstock.config.types import HostPort, ListenAddress

_READER = "{pull: {exporter: {prometheus: {host: localhost, port: 8888}}}}"


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Section(BaseModel):
    """Base of the models here: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class PrometheusSection(Section):
    """The metrics page in Prometheus' text format."""

    host: str = METRICS_ADDRESS.host
    """The address to serve it on."""
    port: int = Field(METRICS_ADDRESS.port, ge=0, le=65535)
    """The TCP port; 0 takes a free one."""


class PullExporterSection(Section):
    """What answers a pull."""

    prometheus: PrometheusSection
    """The metrics page."""


class PullSection(Section):
    """Own metrics for whoever asks for them."""

    exporter: PullExporterSection
    """What answers."""


class ReaderSection(Section):
    """A way to read own metrics."""

    pull: PullSection
    """The one way there is."""

    @model_validator(mode="before")
    @classmethod
    def _is_pull(cls, value: Any) -> Any:
        if not isinstance(value, dict) or list(value) != ["pull"]:
            msg = f"expected {_READER}, the only reader there is"
            raise ValueError(msg)
        return value


class MetricsSection(Section):
    """Own metrics."""

    level: Annotated[MetricsLevel, BeforeValidator(_lower)] = MetricsLevel.NORMAL
    """How much they tell; with `none` there is no page."""
    address: ListenAddress | None = None
    """Where the page is served: the Collector's older spelling of `readers`."""
    readers: Annotated[list[ReaderSection], Field(max_length=1)] | None = None
    """Where the page is served; an empty list serves none."""

    @model_validator(mode="after")
    def _one_spelling(self) -> Self:
        if self.address and self.readers:
            msg = "`address` and `readers` both say where the page is; keep one"
            raise ValueError(msg)
        return self

    @property
    def page(self) -> HostPort | None:
        """The address of the metrics page, if there is to be one."""
        if self.level is MetricsLevel.NONE:
            return None
        if self.readers is None:
            return self.address or METRICS_ADDRESS
        pages = [reader.pull.exporter.prometheus for reader in self.readers]
        return HostPort(pages[0].host, pages[0].port) if pages else None


class LogsSection(Section):
    """Penstock's own log, which goes to stderr."""

    level: Annotated[LogLevel, BeforeValidator(_lower)] = LogLevel.INFO
    """The least serious record that is written."""
    encoding: LogEncoding = LogEncoding.CONSOLE
    """Text for people, or JSON for machines."""


class TelemetrySection(Section):
    """What Penstock says about itself."""

    metrics: MetricsSection = MetricsSection()
    """Own metrics."""
    logs: LogsSection = LogsSection()
    """Own log."""

    def settings(self) -> TelemetrySettings:
        """The same as the engine has it."""
        return TelemetrySettings(
            metrics=self.metrics.page,
            level=self.metrics.level,
            log_level=self.logs.level,
            log_encoding=self.logs.encoding,
        )


class PipelineSection(Section):
    """One pipeline: what feeds it, what works on it in order, and where it ends."""

    receivers: tuple[str, ...] = ()
    """Ids of receivers and of connectors."""
    processors: tuple[str, ...] = ()
    """Ids of processors, in the order in which a batch meets them."""
    exporters: tuple[str, ...] = ()
    """Ids of exporters and of connectors."""


class ServiceSection(Section):
    """What runs."""

    extensions: tuple[str, ...] = ()
    """Ids of the extensions to start, in this order."""
    pipelines: dict[str, PipelineSection] = {}
    """Pipelines by id: `traces`, `metrics` or `logs`, then perhaps `/` and a name."""
    telemetry: TelemetrySection = TelemetrySection()
    """What Penstock says about itself."""


class Root(Section):
    """The file. Components are checked one by one, each by its own `Config`."""

    receivers: dict[str, Any] = {}
    """Settings of receivers by id."""
    processors: dict[str, Any] = {}
    """Settings of processors by id."""
    exporters: dict[str, Any] = {}
    """Settings of exporters by id."""
    connectors: dict[str, Any] = {}
    """Settings of connectors by id."""
    extensions: dict[str, Any] = {}
    """Settings of extensions by id."""
    service: ServiceSection = ServiceSection()
    """What runs."""
