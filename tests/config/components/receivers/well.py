"""Every signal, and no options: the least that a receiver can be."""

from penstock.pipeline import Context, Receiver, ReceiverConfig


class Config(ReceiverConfig):
    """No options."""

    def build(self, context: Context) -> Receiver:
        """Settings are checked here, not built."""
        raise AssertionError(context)
