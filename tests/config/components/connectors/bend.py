"""Passes each signal on as it is."""

from penstock.pipeline import Connector, ConnectorConfig, Context


class Config(ConnectorConfig):
    """No options."""

    def build(self, context: Context) -> Connector:
        """Settings are checked here, not built."""
        raise AssertionError(context)
