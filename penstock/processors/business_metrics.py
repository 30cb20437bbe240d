"""Compute indicators of metrics that pass: rates, quantiles, ratios and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from penstock.business.settings import Settings
from penstock.business.stage import Indicating
from penstock.pipeline import ProcessorConfig, Signal

if TYPE_CHECKING:
    from penstock.business.engine import Told
    from penstock.pipeline import Batch, Context, Stage


class Config(Settings, ProcessorConfig):
    """Options of `business_metrics`."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    @model_validator(mode="after")
    def _of_datapoints(self) -> Self:
        for name, indicator in self.measured.items():
            if indicator.source != "datapoints":
                msg = f"indicators.{name}: in a metrics pipeline there are no {indicator.source}; "
                raise ValueError(msg + "make it with the connector business_metrics")
        return self

    def build(self, context: Context) -> Stage:
        """The processor."""
        return BusinessMetrics(self, context)


class BusinessMetrics(Indicating):
    """Passes metrics on, and the numbers of indicators once an interval."""

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__("processor", config, context)
        self._made = 0

    @property
    def made(self) -> int:
        """Data points of indicators, which nobody gave it."""
        return self._made

    async def consume(self, batch: Batch) -> None:
        """Pass `batch` on, and add up what it has. Raises `Refused` or `Invalid`."""
        await self._refuse_unstored()
        await self._consume(batch)
        await self._add(batch)

    async def _tell(self, told: Told) -> None:
        self._made += len(told.batch) if told.batch else 0
        await super()._tell(told)
