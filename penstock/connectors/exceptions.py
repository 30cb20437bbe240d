"""Make log records of the exceptions that spans and log records tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator

from penstock.connectors import _definitions as of
from penstock.connectors._dimensions import (
    COMMON,
    Dimension,
    Dimensions,
    check_names,
    of_services,
)
from penstock.connectors._exception_logs import records
from penstock.connectors._measuring import Items
from penstock.pipeline import Connector, ConnectorConfig, Signal
from penstock.pipeline.steps import dropped

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Consume, Context

_MADE = frozenset({Signal.LOGS})


def _distinct(dimensions: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
    check_names(dimensions, COMMON)
    return dimensions


class Config(ConnectorConfig):
    """Options of the Collector's `exceptions` connector."""

    converts: ClassVar[dict[Signal, frozenset[Signal]]] = {Signal.TRACES: _MADE, Signal.LOGS: _MADE}

    dimensions: Annotated[tuple[Dimension, ...], AfterValidator(_distinct)] = (
        Dimension(name="exception.type"),
        Dimension(name="exception.message"),
    )
    """Attributes besides `service.name`, `span.name`, `span.kind` and `status.code`."""

    def build(self, context: Context) -> Exceptions:
        """The connector."""
        return Exceptions(self, context)


class Exceptions(Connector):
    """Finds the span events and log records that are exceptions."""

    def __init__(self, config: Config, context: Context) -> None:
        self._dimensions = Dimensions(config.dimensions, ("span", "item", "resource"))
        self._nameless = dropped(context, "no_service_name")

    async def start(self, consume: Consume) -> None:
        """Pass on to `consume` what is made."""
        self._consume = consume

    async def consume(self, batch: Batch) -> None:
        """Pass on the exceptions of a batch. Raises `Refused` or `Invalid`."""
        found = self._in_logs(batch) if batch.signal is Signal.LOGS else self._in_spans(batch)
        if found:
            await self._consume(found)

    async def stop(self) -> None:
        """There is nothing to pass on."""

    def _in_logs(self, batch: Batch) -> Batch | None:
        return batch.keep(batch.column("log.event_name") == "exception")

    def _in_spans(self, batch: Batch) -> Batch | None:
        events = batch.column("spanevent.name") == "exception"
        if not events.any():
            return None
        spans = np.zeros(len(batch), dtype=np.bool_)
        spans[batch.owners()[events]] = True
        kept = batch.keep(spans)
        assert kept is not None
        items = Items(kept, of.KINDS["spanevents"])
        where = items.column("spanevent.name") == "exception"
        named = of_services(items).where(lambda name: name is not None)
        self._nameless.add(int((where & ~named).sum()))
        where &= named
        return records(items, where, self._dimensions) if where.any() else None
