"""`service::telemetry`: what Penstock says about itself, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from penstock.config.push import GatheredSection, PeriodicSection
from penstock.config.section import TelemetryLevel, any_case, lower, one_of
from penstock.config.settings import (
    METRICS_ADDRESS,
    CounterNames,
    PageSettings,
    TelemetrySettings,
)
from penstock.config.tracing import TracesSection
from penstock.config.types import Duration, HostPort, ListenAddress, Section
from penstock.logs import LogSettings, Sampling
from penstock.pipeline.telemetry.registry import Level


class PrometheusSection(Section):
    """The metrics page in Prometheus' text format."""

    not_here: ClassVar[Mapping[str, str]] = {
        "without_scope_info": "the page never has labels of scopes; leave it out",
        "with_resource_constant_labels": "resource attributes are labels of `target_info`",
    }

    host: str = METRICS_ADDRESS.host
    """The address to serve it on."""
    port: int = Field(METRICS_ADDRESS.port, ge=0, le=65535)
    """The TCP port; 0 takes a free one."""
    without_type_suffix: bool | Literal["both"] = True
    """Whether names of counters go without `_total`; `both` shows each counter under both names,
    for dashboards of either kind."""
    without_units: bool = True
    """Whether names go without the unit, such as `_seconds`."""

    def page(self) -> PageSettings:
        """The same as the engine has it."""
        names = {True: CounterNames.PLAIN, False: CounterNames.TOTAL, "both": CounterNames.BOTH}
        counters = names[self.without_type_suffix]
        return PageSettings(HostPort(self.host, self.port), counters, not self.without_units)


class PullExporterSection(Section):
    """What answers a pull."""

    not_here: ClassVar[Mapping[str, str]] = {
        "prometheus/development": "write `prometheus`",
    }

    prometheus: PrometheusSection
    """The metrics page."""


class PullSection(Section):
    """Own metrics for whoever asks for them."""

    exporter: PullExporterSection
    """What answers."""


class ReaderSection(Section):
    """A way to read own metrics: one of the two."""

    not_here: ClassVar[Mapping[str, str]] = {
        "producers": "own metrics have no other source; leave it out",
    }

    pull: PullSection | None = None
    """A page that is asked for them."""
    periodic: PeriodicSection | None = None
    """Push them at an interval."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "pull", "periodic")
        return self


class MetricsSection(Section):
    """Own metrics."""

    not_here: ClassVar[Mapping[str, str]] = {
        "views": "choose a `level`, and drop the rest where the metrics are scraped",
    }

    level: TelemetryLevel = Level.NORMAL
    """How much they tell; with `none` there is no page, and nothing is pushed."""
    address: ListenAddress | None = None
    """Where the page is served: the Collector's older spelling of `readers`."""
    readers: list[ReaderSection] | None = None
    """Who reads them: one page at most, and any number of pushes; an empty list has none."""

    @model_validator(mode="after")
    def _one_page(self) -> Self:
        if self.address and self.readers:
            msg = "`address` and `readers` both say where the page is; keep one"
            raise ValueError(msg)
        if sum(reader.pull is not None for reader in self.readers or ()) > 1:
            msg = "expected at most one `pull` under readers; the page has one address"
            raise ValueError(msg)
        return self

    @property
    def page(self) -> PageSettings | None:
        """The metrics page, if there is to be one."""
        if self.level is Level.NONE:
            return None
        if self.readers is None:
            return PageSettings(self.address or METRICS_ADDRESS)
        pulls = [reader.pull for reader in self.readers if reader.pull]
        return pulls[0].exporter.prometheus.page() if pulls else None

    @property
    def pushes(self) -> tuple[PeriodicSection, ...]:
        """The pushes, if there are to be any."""
        if self.level is Level.NONE:
            return ()
        return tuple(reader.periodic for reader in self.readers or () if reader.periodic)


class SamplingSection(Section):
    """What repeats in the log."""

    enabled: bool = True
    """Whether to leave lines out."""
    tick: Duration = Field(default=10.0, gt=0)
    """The interval in which lines are counted."""
    initial: int = Field(default=10, ge=0)
    """Lines of one wording and level that are written in an interval."""
    thereafter: int = Field(default=100, ge=0)
    """Of those that follow, one of so many is written; 0 writes none."""


class LogsSection(Section):
    """Penstock's own log."""

    not_here: ClassVar[Mapping[str, str]] = {
        "development": "it has no such mode; leave it out",
        "disable_caller": "lines have no caller; leave it out",
        "disable_zap_resource": "lines have no resource; leave it out",
    }

    level: Annotated[
        Literal["debug", "info", "warn", "error"],
        BeforeValidator(lower),
        any_case(["debug", "info", "warn", "error"]),
    ] = "info"
    """The least serious record that is written."""
    encoding: Literal["console", "json"] = "console"
    """Text for people, or JSON for machines."""
    output_paths: tuple[str, ...] = Field(default=("stderr",), min_length=1)
    """Where it is written: `stderr`, `stdout`, paths of files."""
    error_output_paths: tuple[Literal["stderr"], ...] = ("stderr",)
    """Where it is told that the log cannot be written: `stderr`."""
    initial_fields: dict[str, Any] = Field(default_factory=dict)
    """Fields that every line has."""
    disable_stacktrace: bool = False
    """Leave tracebacks out."""
    sampling: SamplingSection = SamplingSection()
    """What repeats is left out, and counted."""
    processors: tuple[GatheredSection, ...] = ()
    """Where the log is sent besides."""

    def settings(self) -> LogSettings:
        """The same as the log has it."""
        sampling = self.sampling
        return LogSettings(
            level=self.level,
            encoding=self.encoding,
            output_paths=self.output_paths,
            initial_fields=self.initial_fields,
            tracebacks=not self.disable_stacktrace,
            sampling=Sampling(sampling.tick, sampling.initial, sampling.thereafter)
            if sampling.enabled
            else None,
        )


def _attributes(value: Any) -> Any:
    """The declarative form, `attributes: [{name: …, value: …}]`, as a mapping."""
    if not isinstance(value, dict) or not isinstance(value.get("attributes"), list):
        return value
    if others := sorted(map(str, value.keys() - {"attributes"})):
        msg = f"expected nothing beside `attributes`, found {', '.join(others)}"
        raise ValueError(msg)
    entries = value["attributes"]
    if not all(isinstance(entry, dict) and entry.keys() == {"name", "value"} for entry in entries):
        msg = "expected a `name` and a `value` for each of `attributes`"
        raise ValueError(msg)
    return {entry["name"]: entry["value"] for entry in entries}


Attributes = Annotated[
    dict[str, str | bool | int | float | None],
    BeforeValidator(
        _attributes,
        json_schema_input_type=dict[str, str | bool | int | float | list[dict[str, Any]] | None],
    ),
]


class TelemetrySection(Section):
    """What Penstock says about itself."""

    metrics: MetricsSection = MetricsSection()
    """Own metrics."""
    traces: TracesSection = TracesSection()
    """Own traces."""
    logs: LogsSection = LogsSection()
    """Own log."""
    resource: Attributes = Field(default_factory=dict)
    """Resource attributes of all of it; an empty one of the usual, such as `service.name`, leaves
    it out."""

    def settings(self) -> TelemetrySettings:
        """The same as the engine has it."""
        return TelemetrySettings(
            page=self.metrics.page,
            level=self.metrics.level,
            pushes=self.metrics.pushes,
            traces=self.traces.settings(),
            logs=self.logs.settings(),
            log_pushes=tuple(each.batch for each in self.logs.processors),
            resource=self.resource,
        )
