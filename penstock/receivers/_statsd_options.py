"""Options of `statsd`: where to listen, and what becomes of timers, in the Collector's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    Field,
    model_validator,
)

from penstock.config.regexps import Regexp
from penstock.config.types import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPONENTIAL = 160
"""Buckets that an exponential histogram has if nobody says how many."""

PERCENTILES = (0.0, 10.0, 50.0, 90.0, 95.0, 100.0)

Word = Literal["gauge", "summary", "histogram", "disabled"]


class Observer(NamedTuple):
    """What becomes of timers, histograms or distributions, as the kernel takes it."""

    kind: Word
    percentiles: Sequence[float] = ()
    max_size: int = EXPONENTIAL
    explicit: Sequence[tuple[str, list[float]]] = ()


DISABLED = Observer("disabled")


def _ascending(bounds: list[float]) -> list[float]:
    if bounds != sorted(set(bounds)):
        msg = f"expected bounds in ascending order, each once, found {bounds}"
        raise ValueError(msg)
    return bounds


Bounds = Annotated[list[float], Field(min_length=1), AfterValidator(_ascending)]
"""Upper bounds of buckets; what is over the last has a bucket too."""


class ExplicitBuckets(Section):
    """Histograms with these bounds, for metrics whose names match."""

    matcher_pattern: Annotated[Regexp, Field(min_length=1)]
    """A regular expression that is found in the name."""
    buckets: Bounds
    """The upper bounds of its buckets, in ascending order."""


class HistogramOptions(Section):
    """How histograms are."""

    max_size: int = Field(default=EXPONENTIAL, ge=2, le=16_384)
    """The most buckets that an exponential histogram has of each sign."""
    explicit_buckets: list[ExplicitBuckets] = Field(default_factory=list)
    """Metrics that have explicit histograms instead; the first that matches counts."""


class SummaryOptions(Section):
    """How summaries are."""

    percentiles: list[Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=lambda: list(PERCENTILES)
    )
    """The percentiles that are told."""


class TimerMapping(Section):
    """What becomes of one type."""

    statsd_type: Literal["timing", "timer", "histogram", "distribution"]
    """`timing`, also `timer` (`ms`), `histogram` (`h`) or `distribution` (`d`)."""
    observer_type: Word
    """`gauge`: a point for each value; `summary`: percentiles; `histogram`: exponential histograms,
    or explicit ones; `disabled`: nothing."""
    histogram: HistogramOptions | None = None
    """How histograms are."""
    summary: SummaryOptions | None = None
    """How summaries are."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        for kind in ("histogram", "summary"):
            if getattr(self, kind) is not None and self.observer_type != kind:
                msg = f"{kind} is for observer_type: {kind}; remove it, or change observer_type"
                raise ValueError(msg)
        return self

    def observer(self) -> Observer:
        """What the kernel is told."""
        histogram = self.histogram or HistogramOptions()
        return Observer(
            self.observer_type,
            list((self.summary or SummaryOptions()).percentiles or PERCENTILES),
            histogram.max_size,
            [(it.matcher_pattern, it.buckets) for it in histogram.explicit_buckets],
        )


def observers(mappings: list[TimerMapping]) -> list[Observer]:
    """Those of timers, histograms and distributions. Of the last two, one that is not named goes
    with the other, as in the Collector; what nobody names is dropped."""
    found = {it.statsd_type: it.observer() for it in mappings}
    timers = found.get("timing", found.get("timer", DISABLED))
    histograms, distributions = found.get("histogram"), found.get("distribution")
    either = histograms or distributions or DISABLED
    return [timers, histograms or either, distributions or either]
