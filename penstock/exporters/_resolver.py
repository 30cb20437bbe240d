"""Who knows the endpoints: the contract of the resolvers, and the one whose settings name them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from penstock.config.types import Section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.pipeline import Context

    Found = Callable[[Iterable[str]], None]
    Failed = Callable[[Exception | str], None]


class Resolver(ABC):
    """Looks for endpoints. It tells `found` of all that there are, whether they are others than
    before or not, and `failed` of every time when it did not learn of any."""

    name: ClassVar[str]
    """What its metrics call it."""

    @abstractmethod
    async def start(self, found: Found, failed: Failed) -> None:
        """Look once, and then again and again. Raises `StartError` where it never can."""

    async def stop(self) -> None:  # noqa: B027  (who looks only once has nothing to stop)
        """Look no more."""


class StaticConfig(Section):
    """A list of endpoints."""

    hostnames: tuple[str, ...] = Field(min_length=1)
    """The endpoints: `host:port`, or `host` for port 4317."""

    def build(self, context: Context) -> Resolver:  # noqa: ARG002
        """The resolver these settings describe."""
        return _Static(self.hostnames)


class _Static(Resolver):
    name = "static"

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._endpoints = endpoints

    async def start(self, found: Found, failed: Failed) -> None:  # noqa: ARG002
        found(self._endpoints)
