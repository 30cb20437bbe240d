"""A receiver that asks an authenticator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from penstock.pipeline import ReceiverConfig
from penstock.pipeline.auth import ServerAuth

if TYPE_CHECKING:
    from penstock.pipeline import Context, Receiver


class Gate(BaseModel):
    """One of its gates."""

    auth: ServerAuth | None = None
    """Who may pass."""


class Config(ReceiverConfig):
    """Options of the weir."""

    gate: Gate = Gate()
    """Its gate."""

    def build(self, context: Context) -> Receiver:
        """Settings are checked here, not built."""
        raise AssertionError(context)
