"""Drop everything, as if it had been delivered: for measuring, and for trying a pipeline out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline import Exporter, ExporterConfig

if TYPE_CHECKING:
    from penstock.pipeline import Batch, Context


class Config(ExporterConfig):
    """No options."""

    def build(self, context: Context) -> Nop:  # noqa: ARG002  (there is nothing to tell it)
        """The exporter."""
        return Nop()


class Nop(Exporter):
    """Takes every batch and forgets it."""

    async def send(self, batch: Batch) -> None:
        """Do nothing."""
