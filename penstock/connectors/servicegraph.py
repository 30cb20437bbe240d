"""Make metrics of the calls between services, for the graph of those."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from penstock.config.types import Duration, Section
from penstock.connectors._calls import Attributes, Waiting
from penstock.connectors._flushed import Flushed
from penstock.connectors._graph_metrics import GraphMetrics
from penstock.connectors._graph_news import NewsCounts
from penstock.pipeline import ConnectorConfig, Invalid, Refused, Signal
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.panes import Keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from penstock.connectors._calls import Calls, News
    from penstock.pipeline import Batch, Consume, Context

_IDLE = 15 * 60.0
"""Seconds after which a series to which nothing was added is forgotten, as in the Collector."""

_LEAST_SIZE = 2
"""Buckets that an exponential histogram needs."""

_BOUNDS = (0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15)


def _ascending(bounds: tuple[float, ...]) -> tuple[float, ...]:
    if list(bounds) != sorted(set(bounds)):
        msg = "each bucket ends after the one before"
        raise ValueError(msg)
    return bounds


class Store(Section):
    """What waits for the other side of a call."""

    max_items: int = Field(default=1000, ge=1)
    """How many calls wait at most; each takes about 120 bytes and the names of its sides."""
    ttl: Duration = Field(default=2.0, ge=0)
    """How long a call waits for its other side."""


class Config(ConnectorConfig):
    """Options of the Collector's `servicegraph` connector."""

    converts: ClassVar[dict[Signal, frozenset[Signal]]] = {
        Signal.TRACES: frozenset({Signal.METRICS})
    }

    latency_histogram_buckets: Annotated[tuple[Duration, ...], AfterValidator(_ascending)] = Field(
        default=_BOUNDS, min_length=1, max_length=1000
    )
    """Upper ends of the buckets of durations."""
    exponential_histogram_max_size: int = Field(default=0, ge=0, le=1024)
    """The most buckets of exponential histograms, which durations become instead; 0 for none."""
    dimensions: tuple[str, ...] = ()
    """More attributes of resources or spans, told as `client_…` and `server_…`."""
    store: Store = Store()
    """What waits for the other side of a call."""
    cache_loop: Duration = Field(default=60.0, gt=0)
    """How often series are forgotten to which nothing was added for 15 minutes."""
    store_expiration_loop: Duration = Field(default=2.0, gt=0)
    """How often calls are looked for that have waited too long."""
    virtual_node_peer_attributes: tuple[str, ...] = ("peer.service", "db.name", "db.system")
    """Attributes of a client's span that name the server where that sends no spans, the first one
    that is there; none, so that there are no virtual nodes, if empty."""
    virtual_node_extra_label: bool = False
    """Whether `virtual_node` says which side of a call is virtual: `client` or `server`."""
    metrics_flush_interval: Duration = Field(default=60.0, ge=0)
    """How often metrics are passed on; 0 does it with every batch of spans."""
    metrics_timestamp_offset: Duration = Field(default=0.0, ge=0)
    """By how much the times of metrics are set back."""
    database_name_attributes: tuple[str, ...] = Field(default=("db.name",), min_length=1)
    """Attributes that name the database that a client's span calls, the first one that is there."""
    aggregation_cardinality_limit: int = Field(default=10_000, ge=1)
    """The most series of each metric; what comes over that is added up in one that has the
    attribute `otel.metric.overflow`. Not an option of the Collector's, which has no limit."""

    not_here: ClassVar[Mapping[str, str]] = {
        "database_name_attribute": "put it into the list `database_name_attributes`",
        "metrics_exporter": "put the exporter into the metrics pipeline that the connector starts",
    }

    @model_validator(mode="after")
    def _one_histogram(self) -> Self:
        if self.exponential_histogram_max_size == 0:
            return self
        if "latency_histogram_buckets" in self.model_fields_set:
            msg = "use either latency_histogram_buckets or exponential_histogram_max_size"
            raise ValueError(msg)
        if self.exponential_histogram_max_size < _LEAST_SIZE:
            msg = "exponential_histogram_max_size is 0 or at least 2"
            raise ValueError(msg)
        return self

    def build(self, context: Context) -> ServiceGraph:
        """The connector."""
        return ServiceGraph(self, context)


class ServiceGraph(Flushed):
    """Puts the spans of the two sides of a call together, and adds calls up."""

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__(context, config.metrics_flush_interval or _IDLE)
        self.may_wait = not config.metrics_flush_interval
        self._config = config
        self._offset = round(config.metrics_timestamp_offset * 1e9)
        self._waiting = Waiting(
            Attributes(
                config.dimensions,
                config.database_name_attributes,
                config.virtual_node_peer_attributes,
            ),
            limit=config.store.max_items,
            ttl=config.store.ttl,
            extra_label=config.virtual_node_extra_label,
        )
        self._news = NewsCounts(context, self._waiting)
        self._graph = GraphMetrics.of(
            config.latency_histogram_buckets,
            config.exponential_histogram_max_size,
            config.aggregation_cardinality_limit,
        )
        self._tallies += self._graph
        self._faults = FaultLog(context.logger)
        self._loops: tuple[asyncio.Task[None], ...] = ()

    async def start(self, consume: Consume) -> None:
        """Pass metrics on to `consume`."""
        await super().start(consume)
        create, name = self._context.tasks.create_task, self._context.id
        self._loops = (
            create(self._every(self._config.store_expiration_loop, self._expire), name=name),
            create(self._every(self._config.cache_loop, self._clean), name=name),
        )

    async def consume(self, batch: Batch) -> None:
        """Take spans. Raises `Refused` while it stops."""
        self._refuse_at_the_end()
        self._take(*self._waiting.add(batch))
        if not self._config.metrics_flush_interval:
            await self._flush()

    async def stop(self) -> None:
        """Pass on the totals, with what has waited too long."""
        for loop in self._loops:
            loop.cancel()
        self._expire()
        await super().stop()

    def _take(self, calls: Calls, news: News) -> None:
        self._news.note(news)
        if not len(calls):
            return
        graph, now = self._graph, time.time_ns() - self._offset
        keys = Keys(len(calls), calls.columns)
        self._add(graph.requests, keys, None, now)
        if calls.failed.any():
            self._add(graph.failures, keys, calls.failed, now)
        self._add(graph.server, keys, None, now, values=calls.server_seconds)
        self._add(graph.client, keys, None, now, values=calls.client_seconds)

    def _written(self, since: int, now: int) -> Batch | None:
        return super()._written(since, now - self._offset)

    async def _flush(self) -> None:
        """What is refused is told again with the next spans: these are totals."""
        now = time.time_ns()
        metrics = await asyncio.to_thread(self._written, now, now)
        try:
            if metrics:
                await self._consume(metrics)
        except (Refused, Invalid) as fault:
            self._faults.report("Not taken; later metrics include it", len(metrics or ()), fault)

    async def _every(self, seconds: float, work: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            work()

    def _expire(self) -> None:
        self._take(*self._waiting.expire())

    def _clean(self) -> None:
        for tally in self._tallies:
            tally.panes.expire(time.time_ns() - self._offset - round(_IDLE * 1e9))
