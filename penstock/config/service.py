"""The file as a whole, and its `service` section: what runs."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from penstock.config.telemetry import TelemetrySection


class Section(BaseModel):
    """Base of the models here: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
