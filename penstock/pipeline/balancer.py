"""The contract of an exporter that is several: who shares, among whom, and how.

The engine has the rest: each endpoint's exporter gets a delivery of its own, and what waits when
the shares are others is routed anew (`delivery/balanced.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from penstock.pipeline.component import Component

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.pipeline.batch import Batch
    from penstock.pipeline.component import Context, Exporter, ExporterConfig


class Shares(NamedTuple):
    """Which endpoints share what there is to send, and how: `split` has a batch for each of them
    that gets any of a batch."""

    endpoints: Sequence[str]
    split: Callable[[Batch], Mapping[str, Batch]]


class Balancer(Component):
    """Several exporters in one, each with a delivery of its own, which the engine sees to."""

    plan: ExporterConfig
    """How each of them delivers."""
    shares: Shares | None = None
    """As of now; `None` as long as nobody to send to is known."""

    def __init__(self) -> None:
        self._followers: list[Callable[[], None]] = []

    def follow(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever `shares` are others."""
        self._followers.append(changed)

    def share(self, shares: Shares) -> None:
        """Share among these from now on."""
        self.shares = shares
        for changed in self._followers:
            changed()

    @abstractmethod
    def id_of(self, endpoint: str) -> str:
        """The id of the exporter to `endpoint`, by which it is counted."""

    @abstractmethod
    def exporter(self, endpoint: str, context: Context) -> Exporter:
        """A new exporter to `endpoint`."""
