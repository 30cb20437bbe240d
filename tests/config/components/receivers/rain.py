"""Metrics only."""

from penstock.pipeline import Context, Receiver, ReceiverConfig, Signal


class Config(ReceiverConfig):
    """No options."""

    signals = frozenset({Signal.METRICS})

    def build(self, context: Context) -> Receiver:
        """Settings are checked here, not built."""
        raise AssertionError(context)
