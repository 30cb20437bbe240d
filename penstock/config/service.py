"""The file as a whole, and its `service` section: what runs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from penstock.config.telemetry import TelemetrySection
from penstock.config.types import Section


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
    pipelines: dict[str, PipelineSection] = Field(default_factory=dict)
    """Pipelines by id: `traces`, `metrics` or `logs`, then perhaps `/` and a name."""
    telemetry: TelemetrySection = TelemetrySection()
    """What Penstock says about itself."""


class Root(Section):
    """The file. Components are checked one by one, each by its own `Config`."""

    receivers: dict[str, Any] = Field(default_factory=dict)
    """Settings of receivers by id."""
    processors: dict[str, Any] = Field(default_factory=dict)
    """Settings of processors by id."""
    exporters: dict[str, Any] = Field(default_factory=dict)
    """Settings of exporters by id."""
    connectors: dict[str, Any] = Field(default_factory=dict)
    """Settings of connectors by id."""
    extensions: dict[str, Any] = Field(default_factory=dict)
    """Settings of extensions by id."""
    service: ServiceSection = ServiceSection()
    """What runs."""
