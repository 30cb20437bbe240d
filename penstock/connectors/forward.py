"""Pass on from some pipelines to others: to merge them, or to share their last processors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline import Connector, ConnectorConfig

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Consume, Context


class Config(ConnectorConfig):
    """No options."""

    def build(self, context: Context) -> Forward:  # noqa: ARG002  (there is nothing to tell it)
        """The connector."""
        return Forward()


class Forward(Connector):
    """Holds nothing: a batch is accepted when the next pipelines accept it."""

    async def start(self, consume: Consume) -> None:
        """Pass batches on to `consume`."""
        self._consume = consume

    async def consume(self, batch: Batch) -> None:
        """Pass `batch` on. Raises `Refused` or `Invalid` when the next pipelines do."""
        await self._consume(batch)

    async def stop(self) -> None:
        """There is nothing to pass on."""
