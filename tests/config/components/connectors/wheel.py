"""Makes metrics of traces."""

from penstock.pipeline import Connector, ConnectorConfig, Context, Signal


class Config(ConnectorConfig):
    """No options."""

    converts = {Signal.TRACES: frozenset({Signal.METRICS})}  # noqa: RUF012  (as in the base)

    def build(self, context: Context) -> Connector:
        """Settings are checked here, not built."""
        raise AssertionError(context)
