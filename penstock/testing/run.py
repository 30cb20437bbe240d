"""Run batches through a pipeline by itself: nothing is listened on, and nothing is sent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.config.settings import TelemetrySettings
from penstock.pipeline import (
    Exporter,
    ExporterConfig,
    Invalid,
    Refused,
    StartError,
)
from penstock.pipeline.feed import Feed, FeedConfig
from penstock.pipeline.runner import Running

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.config.settings import PipelineSettings, Settings
    from penstock.pipeline import Batch, Context
    from penstock.pipeline.telemetry.registry import Telemetry

_FEED = "test"
"""The id of the receiver that stands for all others."""


@dataclass(slots=True)
class Outcome:
    """What came of batches: what arrived at the end of each pipeline, and what was counted.

    `refused` is why one was, or why the pipeline could not start.
    """

    arrived: dict[str, list[Batch]] = field(default_factory=lambda: defaultdict(list))
    telemetry: Telemetry | None = None
    refused: str | None = None


def run(settings: Settings, pipeline: str, batches: Iterable[Batch]) -> Outcome:
    """Give batches to a pipeline, and stop it, so that its stages pass on what they hold.

    Connectors lead on into other pipelines.
    """
    return asyncio.run(_run(settings, pipeline, batches))


def reached(settings: Settings, pipeline: str) -> list[str]:
    """The pipeline, and those that connectors lead to from it."""
    found = [pipeline]
    for id_ in found:  # which grows meanwhile
        exits = set(settings.pipelines[id_].exporters) & settings.connectors.keys()
        found += [
            other.id
            for other in settings.pipelines.values()
            if other.id not in found and exits & set(other.receivers)
        ]
    return found


async def _run(settings: Settings, pipeline: str, batches: Iterable[Batch]) -> Outcome:
    feed, outcome = Feed(), Outcome()
    try:
        async with Running(_alone(settings, pipeline, feed, outcome)) as running:
            outcome.telemetry = running.telemetry
            for batch in batches:
                await feed.consume(batch)
    except StartError as error:
        outcome.refused = str(error)
    except (Refused, Invalid) as answer:
        outcome.refused = f"{type(answer).__name__}: {answer}"
    return outcome


def _alone(settings: Settings, pipeline: str, feed: Feed, outcome: Outcome) -> Settings:
    """The settings of what can be reached, with one receiver and an exporter for each pipeline."""
    found = [settings.pipelines[id_] for id_ in reached(settings, pipeline)]
    alone = {it.id: _between(settings, it, start=it.id == pipeline) for it in found}
    sinks: dict[str, ExporterConfig] = {
        _sink(id_): _CollectConfig(arrived=outcome.arrived, pipeline=id_)
        for id_, it in alone.items()
        if _sink(id_) in it.exporters
    }
    return replace(
        settings,
        receivers={_FEED: FeedConfig(feed=feed)},
        exporters=sinks,
        extensions={},
        service_extensions=(),
        pipelines=alone,
        telemetry=TelemetrySettings(page=None),
        recorded=True,
    )


def _between(settings: Settings, pipeline: PipelineSettings, *, start: bool) -> PipelineSettings:
    connectors = tuple(id_ for id_ in pipeline.exporters if id_ in settings.connectors)
    ends = len(connectors) < len(pipeline.exporters)
    sources = tuple(id_ for id_ in pipeline.receivers if id_ in settings.connectors)
    return replace(
        pipeline,
        receivers=(_FEED,) if start else sources,
        exporters=(*connectors, *([_sink(pipeline.id)] if ends else [])),
    )


def _sink(pipeline: str) -> str:
    return f"test/{pipeline}"


class _CollectConfig(ExporterConfig):
    arrived: Any
    pipeline: str

    def build(self, context: Context) -> Exporter:  # noqa: ARG002  (it needs nothing)
        return _Collect(self.arrived[self.pipeline])


class _Collect(Exporter):
    """Keeps what arrives."""

    def __init__(self, arrived: list[Batch]) -> None:
        self._arrived = arrived

    async def send(self, batch: Batch) -> None:
        self._arrived.append(batch)
