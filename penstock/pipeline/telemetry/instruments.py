"""Penstock's own numbers as instruments of the OpenTelemetry SDK."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from penstock.pipeline.telemetry.registry import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics import MeterProvider

    from penstock.pipeline.telemetry.registry import Family, Level, Telemetry


def show(telemetry: Telemetry, provider: MeterProvider, level: Level, *, units: bool) -> None:
    """Make an instrument for every family that `level` has, now and as they come.

    Without `units` the instruments have none: Prometheus' reader would append them to the names.
    """
    meter = provider.get_meter("penstock")

    def add(family: Family) -> None:
        if family.level > level:
            return
        described = {"unit": family.unit if units else "", "description": family.description}
        if family.kind is Kind.HISTOGRAM:
            histogram = meter.create_histogram(
                family.name, explicit_bucket_boundaries_advisory=family.bounds, **described
            )
            family.sinks.append(histogram.record)
        elif family.kind is Kind.COUNTER:
            meter.create_observable_counter(family.name, [partial(_read, family)], **described)
        else:
            meter.create_observable_gauge(family.name, [partial(_read, family)], **described)

    telemetry.watch(add)


def _read(family: Family, _: CallbackOptions) -> Iterator[Observation]:
    from opentelemetry.metrics import Observation

    for labels, value in family.read():
        yield Observation(value, dict(labels))
