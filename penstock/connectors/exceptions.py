"""Count the exceptions that spans and log records tell of, and make log records of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from penstock.config.types import Duration
from penstock.connectors import _definitions as of
from penstock.connectors._dimensions import (
    COMMON,
    OF_EVENTS,
    OF_RECORDS,
    SERVICE,
    Dimension,
    Dimensions,
    check_names,
    has_name,
    of_services,
    of_spans,
)
from penstock.connectors._exception_logs import records
from penstock.connectors._flushed import COUNT, Exemplars, Expiration, Flushed, Tally
from penstock.connectors._measuring import Items
from penstock.pipeline import ConnectorConfig, Signal
from penstock.pipeline.panes import Keys, Metric, Panes
from penstock.pipeline.steps import dropped

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Column, Context, Mask

_MADE = frozenset({Signal.METRICS, Signal.LOGS})


def _distinct(dimensions: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
    check_names(dimensions, COMMON)
    return dimensions


class Config(ConnectorConfig):
    """Options of the Collector's `exceptions` connector, and how much is kept for how long."""

    converts: ClassVar[dict[Signal, frozenset[Signal]]] = {Signal.TRACES: _MADE, Signal.LOGS: _MADE}

    dimensions: Annotated[tuple[Dimension, ...], AfterValidator(_distinct)] = (
        Dimension(name="exception.type"),
        Dimension(name="exception.message"),
    )
    """Attributes besides `service.name`, `span.name`, `span.kind` and `status.code`."""
    exemplars: Exemplars = Exemplars()
    """Spans as examples of what was counted."""
    metrics_flush_interval: Duration = Field(default=15.0, gt=0)
    """How often the counts are passed on."""
    series_expiration: Duration = Field(default=0.0, ge=0)
    """How long a series without exceptions is told of; 0 is for ever."""
    aggregation_cardinality_limit: int = Field(default=10_000, ge=1, le=10_000_000)
    """Series of the metric; what comes beyond is told of in one, `otel.metric.overflow`."""

    def build(self, context: Context) -> Exceptions:
        """The connector."""
        return Exceptions(self, context)


class Exceptions(Flushed):
    """Finds the span events and log records that are exceptions."""

    def __init__(self, config: Config, context: Context) -> None:
        expiration = Expiration(config.series_expiration)
        super().__init__(context, config.metrics_flush_interval, expiration=expiration)
        self.may_wait = Signal.LOGS in context.gives
        self._gives = context.gives
        self._of_events = Dimensions(config.dimensions, OF_EVENTS)
        self._of_records = Dimensions(config.dimensions, OF_RECORDS)
        self._nameless = dropped(context, "no_service_name")
        metric = Metric(name="exceptions", scope="penstock/connectors/exceptions", cumulative=True)
        self._examples = config.exemplars.most
        limit = config.aggregation_cardinality_limit
        self._tally = Tally(metric, Panes(COUNT, limit=limit, exemplars=self._examples))
        self._tallies.append(self._tally)

    async def consume(self, batch: Batch) -> None:
        """Count the exceptions of a batch, and pass them on. Raises `Refused` or `Invalid`."""
        self._refuse_at_the_end()
        await (self._consume_logs if batch.signal is Signal.LOGS else self._consume_spans)(batch)

    async def _consume_logs(self, batch: Batch) -> None:
        kept = batch.keep(batch.column("log.event_name") == "exception")
        if kept is None:
            return
        if Signal.LOGS in self._gives:
            await self._consume(kept)
        if Signal.METRICS in self._gives:
            items = Items(kept, of.KINDS["logs"])
            columns = {SERVICE: of_services(items)} | self._of_records.of(items)
            named = has_name(columns[SERVICE])
            self._count(kept, columns, named)
            self._nameless.add(int((~named).sum()))

    async def _consume_spans(self, batch: Batch) -> None:
        kept = _with_exceptions(batch)
        if kept is None:
            return
        items = Items(kept, of.KINDS["spanevents"])
        columns = of_spans(items) | self._of_events.of(items)
        found, named = items.column("spanevent.name") == "exception", has_name(columns[SERVICE])
        if Signal.LOGS in self._gives and (found & named).any():
            await self._consume(records(items, found & named, columns))
        if Signal.METRICS in self._gives:
            self._count(kept, columns, found & named)
        self._nameless.add(int((found & ~named).sum()))

    def _count(self, batch: Batch, columns: dict[str, Column], where: Mask) -> None:
        more = {}
        if self._examples:
            path = "log" if batch.signal is Signal.LOGS else "spanevent"
            more = {"exemplars": batch, "times": batch.numbers(f"{path}.time_unix_nano")}
        self._add(self._tally, Keys(len(where), columns), where, time.time_ns(), **more)


def _with_exceptions(batch: Batch) -> Batch | None:
    """The spans that have exceptions among their events."""
    events = batch.column("spanevent.name") == "exception"
    if not events.any():
        return None
    spans = np.zeros(len(batch), dtype=np.bool_)
    spans[batch.owners()[events]] = True
    return batch.keep(spans)
