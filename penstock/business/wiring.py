"""Where settings have indicators, and where their numbers go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from penstock.business.settings import Settings as Indicators
from penstock.prometheus.names import Namer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config.settings import PipelineSettings, Settings


@runtime_checkable
class ShowsPrometheus(Protocol):
    """Settings of an exporter that shows metrics to Prometheus."""

    @property
    def namer(self) -> Namer:
        """How it names them."""


def indicators_of(settings: Settings) -> dict[str, Indicators]:
    """What computes indicators, by its id: connectors and processors."""
    found = [*settings.connectors.items(), *settings.processors.items()]
    return {id_: config for id_, config in found if isinstance(config, Indicators)}


def namer_of(settings: Settings, id_: str) -> Namer:
    """How Prometheus will name what a component passes on: by the first exporter that shows it."""
    for pipeline in _after(settings, id_):
        for exporter in pipeline.exporters:
            config = settings.exporters.get(exporter)
            if isinstance(config, ShowsPrometheus):
                return config.namer
    return Namer()


def _after(settings: Settings, id_: str) -> Iterator[PipelineSettings]:
    """The pipelines that it is in or leads to."""
    sources, seen = [id_], set()
    for source in sources:  # which grows meanwhile
        for pipeline in settings.pipelines.values():
            if source in (*pipeline.receivers, *pipeline.processors) and pipeline.id not in seen:
                seen.add(pipeline.id)
                yield pipeline
                sources += [it for it in pipeline.exporters if it in settings.connectors]
