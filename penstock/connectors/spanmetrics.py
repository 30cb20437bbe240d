"""Count spans and measure how long they take: requests, errors and durations as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from penstock.config.types import Duration
from penstock.connectors._dimensions import OF_EVENTS, OF_SPANS, Dimensions
from penstock.connectors._flushed import COUNT, Exemplars, Expiration, Flushed, Tally
from penstock.connectors._span_items import Reading
from penstock.connectors._span_options import (
    INSTANCE,
    Attributes,
    Events,
    Histogram,
)
from penstock.pipeline import ConnectorConfig, Signal
from penstock.pipeline.panes import Metric, Panes
from penstock.pipeline.steps import dropped

if TYPE_CHECKING:
    from penstock.connectors._span_items import Counted
    from penstock.pipeline import Batch, Context
    from penstock.pipeline.panes import Keys

_SCOPE = "penstock/connectors/spanmetrics"
_DELTA = "AGGREGATION_TEMPORALITY_DELTA"


class Config(ConnectorConfig):
    """Options of the Collector's `spanmetrics` connector."""

    converts: ClassVar[dict[Signal, frozenset[Signal]]] = {
        Signal.TRACES: frozenset({Signal.METRICS})
    }

    histogram: Histogram = Histogram()
    """The histogram of durations."""
    dimensions: Attributes = ()
    """Attributes of all metrics, besides the usual ones."""
    calls_dimensions: Attributes = ()
    """Attributes of the calls, besides those of all metrics."""
    exclude_dimensions: tuple[
        Literal["service.name", "span.name", "span.kind", "status.code", "collector.instance.id"],
        ...,
    ] = ()
    """The usual attributes that are left out."""
    include_instrumentation_scope: tuple[str, ...] = ()
    """Scopes whose spans are told apart by the scope's name and version."""
    resource_metrics_key_attributes: tuple[str, ...] = ()
    """Attributes by which resources are told apart; without any, by all."""
    resource_metrics_cache_size: int = Field(default=1000, ge=1)
    """Resources that are remembered by those attributes."""
    add_resource_attributes: bool = True
    """Whether metrics are of the resources of their spans."""
    aggregation_temporality: Literal[
        "AGGREGATION_TEMPORALITY_CUMULATIVE", "AGGREGATION_TEMPORALITY_DELTA"
    ] = "AGGREGATION_TEMPORALITY_CUMULATIVE"
    """Whether metrics tell of all that there was, or of each interval."""
    aggregation_cardinality_limit: int = Field(default=100_000, ge=1, le=10_000_000)
    """Series of a metric; what comes beyond is told of in one, `otel.metric.overflow`."""
    namespace: str = "traces.span.metrics"
    """What the names of the metrics begin with, before a dot."""
    metrics_flush_interval: Duration = Field(default=60.0, gt=0)
    """How often metrics are passed on."""
    metrics_expiration: Duration = Field(default=0.0, ge=0)
    """How long a resource without spans is told of; 0 is for ever."""
    series_expiration: Duration = Field(default=0.0, ge=0)
    """How long a series without spans is told of; 0 is for ever."""
    exemplars: Exemplars = Exemplars()
    """Spans as examples of what was counted."""
    events: Events = Events()
    """The metric that counts span events."""
    enable_metrics_sampling_method: bool = False
    """Whether data points have `sampling.method`: `extrapolated` where a sampler told how many
    spans one stands for, else `counted`."""

    not_here: ClassVar[Mapping[str, str]] = {
        "dimensions_cache_size": "use `aggregation_cardinality_limit`",
        "metric_timestamp_cache_size": "leave it out: all deltas begin where the last ones ended",
    }

    def build(self, context: Context) -> SpanMetrics:
        """The connector."""
        return SpanMetrics(self, context)


class SpanMetrics(Flushed):
    """Adds up spans, their durations and events."""

    may_wait = False

    def __init__(self, config: Config, context: Context) -> None:
        delta = config.aggregation_temporality == _DELTA
        expiration = Expiration(config.series_expiration, config.metrics_expiration)
        super().__init__(context, config.metrics_flush_interval, delta=delta, expiration=expiration)
        self._config = config
        self._reading = Reading(config)
        self._nameless = dropped(context, "no_service_name")
        histogram, events = config.histogram, config.events
        self._of_calls = Dimensions(config.calls_dimensions, OF_SPANS)
        self._of_durations = Dimensions(histogram.dimensions, OF_SPANS)
        self._of_events = Dimensions((*config.dimensions, *events.dimensions), OF_EVENTS)
        self._calls = self._tally("calls", COUNT)
        self._durations = (
            None if histogram.disable else self._tally("duration", histogram.shape, histogram.unit)
        )
        self._events = self._tally("events", COUNT) if events.enabled else None

    async def consume(self, batch: Batch) -> None:
        """Add up the spans of a batch. Raises `Refused`."""
        self._refuse_at_the_end()
        spans = self._reading.of(batch)
        self._nameless.add(int((~spans.where).sum()))
        calls = spans.keys(self._of_calls)
        self._count(self._calls, spans, calls)
        if self._durations:
            same = self._config.calls_dimensions == self._config.histogram.dimensions
            self._count(self._durations, spans, calls if same else spans.keys(self._of_durations))
        if self._events and len(batch.owners()):
            events = spans.events()
            self._count(self._events, events, events.keys(self._of_events))

    def _count(self, tally: Tally, what: Counted, keys: Keys) -> None:
        more = {}
        if self._config.exemplars.enabled:
            more = {"exemplars": what.batch, "times": what.times}
        self._add(
            tally,
            keys,
            what.where,
            what.came,
            values=what.durations,
            weights=what.weights,
            **more,
        )

    def _tally(self, name: str, shape: dict[str, Any], unit: str = "") -> Tally:
        config = self._config
        name = f"{config.namespace}.{name}" if config.namespace else name
        metric = Metric(name=name, unit=unit, scope=_SCOPE, cumulative=not self._delta)
        limit, examples = config.aggregation_cardinality_limit, config.exemplars.most
        panes = Panes(shape, limit=limit, exemplars=examples)
        excluded = INSTANCE in config.exclude_dimensions
        tally = Tally(metric, panes, {} if excluded else {INSTANCE: self._context.instance})
        self._tallies.append(tally)
        return tally
