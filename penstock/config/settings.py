"""Checked settings: what the YAML says, with every name resolved and every option typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.config.types import HostPort

if TYPE_CHECKING:
    from penstock.config.problems import Fault
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


class MetricsLevel(StrEnum):
    """How much Penstock tells about itself; with `none` there is no metrics page."""

    NONE = "none"
    NORMAL = "normal"


class LogLevel(StrEnum):
    """The least serious record that is written, in the Collector's words."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogEncoding(StrEnum):
    """One line a record: for people, or as a JSON object for machines."""

    CONSOLE = "console"
    JSON = "json"


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
    """What Penstock says about itself. `metrics` is the address of its page, `None` for none."""

    metrics: HostPort | None = METRICS_ADDRESS
    level: MetricsLevel = MetricsLevel.NORMAL
    log_level: LogLevel = LogLevel.INFO
    log_encoding: LogEncoding = LogEncoding.CONSOLE


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the engine needs: components by id (`type` or `type/name`) and how they are wired.

    `warnings` are what the file's author should know and what does not stop the start, one line
    each, with its place.
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
