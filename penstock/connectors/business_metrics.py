"""Compute indicators of spans, log records and metrics: rates, quantiles, ratios and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from penstock.business.settings import Settings
from penstock.business.sources import SOURCES
from penstock.business.stage import Indicating
from penstock.pipeline import Connector, ConnectorConfig, Signal

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Context


class Config(Settings, ConnectorConfig):
    """Options of `business_metrics`."""

    converts: ClassVar[dict[Signal, frozenset[Signal]]] = dict.fromkeys(
        Signal, frozenset({Signal.METRICS})
    )

    def misfit(self, signal: Signal) -> str | None:
        """Where no indicator is made of a signal, it should not come."""
        if any(SOURCES[it.source].signal is signal for it in self.measured.values()):
            return None
        return f"none of its indicators is made of {signal}"

    def build(self, context: Context) -> Connector:
        """The connector."""
        return BusinessMetrics(self, context)


class BusinessMetrics(Indicating, Connector):
    """Takes what indicators are made of, and passes on their numbers."""

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__("connector", config, context)
        self.may_wait = bool(config.storage)

    async def consume(self, batch: Batch) -> None:
        """Add up what `batch` has. Raises `Refused` while nothing can be stored."""
        await self._refuse_unstored()
        await self._add(batch)
