"""What a metric becomes in Prometheus: a family of a name and a type, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from penstock.prometheus.names import MetricType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.prometheus.names import Namer

UNSPECIFIED, DELTA, CUMULATIVE = range(3)
"""The numbers of temporalities in OTLP."""

Said: TypeAlias = "tuple[Sequence[str], int, bool]"
"""What a metric says of itself: its name, unit, description, kind of data and original type; its
temporality; whether it is monotonic."""


class Family(NamedTuple):
    """What is exposed under one name."""

    name: str
    type: MetricType
    help: str
    unit: str
    delta: bool
    """Whether its points are differences, to be added up."""


class Refusal(NamedTuple):
    """A metric that is not exposed, and why: `unnamed` or `unsupported`."""

    name: str
    fault: str


def family(said: Said, namer: Namer) -> Family | Refusal:
    """What a metric becomes."""
    (name, unit, description, data, original), temporality, monotonic = said
    type_ = _type(data, temporality, monotonic=monotonic)
    if type_ is None:
        return Refusal(name, "unsupported")
    # A sum that may become less is a gauge to Prometheus, and yet no ratio.
    of_name = MetricType.UNKNOWN if data == "sum" and not monotonic else type_
    if final := namer.metric(name, unit, of_name):
        if original == "unknown" and type_ is MetricType.GAUGE:
            type_ = MetricType.UNKNOWN
        return Family(final, type_, description, namer.unit(unit), temporality == DELTA)
    return Refusal(name, "unnamed")


def _type(data: str, temporality: int, *, monotonic: bool) -> MetricType | None:
    if data == "gauge":
        return MetricType.GAUGE
    if data == "summary":
        return MetricType.SUMMARY
    if temporality not in {DELTA, CUMULATIVE}:
        return None
    if data in {"histogram", "exponential_histogram"}:
        return MetricType.HISTOGRAM
    if data == "sum":
        return MetricType.COUNTER if monotonic else MetricType.GAUGE
    return None
