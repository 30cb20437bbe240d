"""An exporter with credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline import ExporterConfig
from penstock.pipeline.auth import ClientAuth

if TYPE_CHECKING:
    from penstock.pipeline import Context, Exporter


class Config(ExporterConfig):
    """Options of the sluice."""

    auth: ClientAuth | None = None
    """Its credentials."""

    def build(self, context: Context) -> Exporter:
        """Settings are checked here, not built."""
        raise AssertionError(context)
