"""A receiver that passes on what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.pipeline.component import Receiver, ReceiverConfig

if TYPE_CHECKING:
    from penstock.pipeline.component import Consume, Context


class Feed(Receiver):
    """Its `consume` is the pipelines', once it has started."""

    consume: Consume

    async def start(self, consume: Consume) -> None:
        """Be ready to be given batches."""
        self.consume = consume

    async def stop(self) -> None:
        """Nothing is held."""


class FeedConfig(ReceiverConfig):
    """Settings of a receiver that there is already."""

    feed: Any

    def build(self, context: Context) -> Receiver:  # noqa: ARG002  (it needs nothing)
        """That receiver."""
        return self.feed  # type: ignore[no-any-return]
