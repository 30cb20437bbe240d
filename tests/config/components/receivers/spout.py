"""Listens: on two addresses, if it is told to."""

from pydantic import BaseModel, ConfigDict

from penstock.config.types import HostPort, ListenAddress
from penstock.pipeline import Context, Receiver, ReceiverConfig


class Side(BaseModel):
    """An address inside a mapping."""

    model_config = ConfigDict(extra="forbid")

    endpoint: ListenAddress


class Config(ReceiverConfig):
    """Where to listen."""

    endpoint: ListenAddress = HostPort("localhost", 7)
    sides: tuple[Side, ...] = ()

    def build(self, context: Context) -> Receiver:
        """Settings are checked here, not built."""
        raise AssertionError(context)
