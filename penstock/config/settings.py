"""Checked settings: what the YAML says, with every name resolved and every option typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.config.types import HostPort
from penstock.logs import LogSettings
from penstock.pipeline.telemetry.registry import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.config.problems import Fault
    from penstock.config.push import BatchSection, PeriodicSection
    from penstock.config.tracing import SamplerSection
    from penstock.pipeline.batch import Signal
    from penstock.pipeline.component import (
        ConnectorConfig,
        ExporterConfig,
        ExtensionConfig,
        ProcessorConfig,
        ReceiverConfig,
    )


METRICS_ADDRESS = HostPort("127.0.0.1", 8888)
"""Where the metrics page is unless the settings say otherwise, as in the Collector."""


class CounterNames(StrEnum):
    """How the metrics page names counters: as the Collector does, with `_total`, or both."""

    PLAIN = "plain"
    TOTAL = "total"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class PageSettings:
    """The metrics page: where it is, and whether names end in `_total` or a unit."""

    address: HostPort
    counters: CounterNames = CounterNames.PLAIN
    units: bool = False


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """Own traces: where they are pushed to, and which batches have one."""

    pushes: tuple[BatchSection, ...]
    sampler: SamplerSection


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """One pipeline: the ids of its components, in order.

    `id` is `signal` or `signal/name`. A connector's id stands in `exporters` of the pipelines it
    ends and in `receivers` of those it starts.
    """

    id: str
    signal: Signal
    receivers: tuple[str, ...]
    processors: tuple[str, ...]
    exporters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """What Penstock says about itself, and to whom."""

    page: PageSettings | None = PageSettings(METRICS_ADDRESS)
    level: Level = Level.NORMAL
    pushes: tuple[PeriodicSection, ...] = ()
    traces: TracingSettings | None = None
    logs: LogSettings = field(default_factory=LogSettings)
    log_pushes: tuple[BatchSection, ...] = ()
    resource: Mapping[str, object] = field(default_factory=dict)

    @property
    def metrics(self) -> HostPort | None:
        """The address of the metrics page, if there is one."""
        return self.page.address if self.page else None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the engine needs: components by id (`type` or `type/name`) and how they are wired.

    `warnings` are what the author should know and what does not stop the start. What is `recorded`
    comes from a file and not from senders.
    """

    receivers: dict[str, ReceiverConfig] = field(default_factory=dict)
    processors: dict[str, ProcessorConfig] = field(default_factory=dict)
    exporters: dict[str, ExporterConfig] = field(default_factory=dict)
    connectors: dict[str, ConnectorConfig] = field(default_factory=dict)
    extensions: dict[str, ExtensionConfig] = field(default_factory=dict)
    pipelines: dict[str, PipelineSettings] = field(default_factory=dict)
    service_extensions: tuple[str, ...] = ()
    telemetry: TelemetrySettings = TelemetrySettings()
    warnings: tuple[Fault, ...] = ()
    recorded: bool = False
