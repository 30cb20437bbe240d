"""What a service says about itself, from its settings: the page, and what is pushed."""

from __future__ import annotations

import uuid
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from penstock.pipeline.telemetry.page import MetricsPage
from penstock.pipeline.telemetry.process import observe_process
from penstock.pipeline.telemetry.registry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.config.settings import TelemetrySettings
    from penstock.pipeline.component import Extension
    from penstock.pipeline.telemetry.tracing import Tracing


class OwnTelemetry:
    """The registry of a service's numbers, what makes its traces, and who shows them."""

    def __init__(self, settings: TelemetrySettings) -> None:
        self.registry = Telemetry()
        self.tracing: Tracing | None = None
        """Makes the spans, where there are to be any."""
        self.extensions: dict[str, Extension] = {}
        """What shows or pushes, by name."""
        resource = attributes(settings.resource)
        self.instance = str(resource.get("service.instance.id", uuid.uuid4()))
        """What tells this service from others that are set up alike."""
        if settings.page or settings.pushes:
            observe_process(self.registry)
        if settings.page:
            page = MetricsPage(self.registry, settings.page, settings.level, resource)
            self.extensions["the metrics page"] = page
        if settings.pushes or settings.traces or settings.log_pushes:
            self._add_pushes(settings, resource)

    def _add_pushes(self, settings: TelemetrySettings, resource: dict[str, Any]) -> None:
        from penstock.pipeline.telemetry.push import LogsPush, MetricsPush, TracesPush

        if settings.pushes:
            metrics = MetricsPush(self.registry, settings.pushes, settings.level, resource)
            self.extensions["the push of own metrics"] = metrics
        if settings.traces:
            traces = TracesPush(settings.traces, resource)
            self.extensions["the push of own traces"] = traces
            self.tracing = traces.tracing
        if settings.log_pushes:
            self.extensions["the push of the log"] = LogsPush(settings.log_pushes, resource)


def attributes(given: Mapping[str, object]) -> dict[str, Any]:
    """The resource attributes of own telemetry: the usual ones and what is `given`; an empty one
    is left out."""
    usual = {
        "service.name": "penstock",
        "service.version": version("penstock"),
        "service.instance.id": str(uuid.uuid4()),
    }
    return {name: value for name, value in {**usual, **given}.items() if value is not None}
