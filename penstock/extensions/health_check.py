"""Answer whether the service is up, over HTTP: for probes of Kubernetes and load balancers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field

from penstock.config.types import HostPort, ListenAddress
from penstock.pipeline import Extension, ExtensionConfig
from penstock.pipeline.web import Page

if TYPE_CHECKING:
    from aiohttp import web

    from penstock.pipeline import Context


class Config(ExtensionConfig):
    """Options of the Collector's `health_check` extension, version 1."""

    endpoint: ListenAddress = HostPort("localhost", 13133)
    """Where to listen."""
    path: str = Field(default="/", pattern="^/")
    """The path that is answered."""

    def build(self, context: Context) -> HealthCheck:  # noqa: ARG002  (it needs nothing else)
        """The extension."""
        return HealthCheck(self)


class HealthCheck(Extension):
    """200 from when every pipeline runs until the first receiver stops, else 503.

    It speaks of the process: a back end that is down does not make it unhealthy.
    """

    def __init__(self, config: Config) -> None:
        self.port = 0
        """The port, once it is open."""
        self._endpoint = config.endpoint
        self._page = Page(config.path, self._answer)
        self._up_since: datetime | None = None
        self._begin = 0.0

    async def start(self) -> None:
        """Open the page. Raises `StartError`."""
        self.port = await self._page.open(self._endpoint)

    async def stop(self) -> None:
        """Close the page."""
        await self._page.close()

    def ready(self) -> None:
        """Answer 200 from now on."""
        self._up_since = datetime.now(UTC)
        self._begin = time.monotonic()

    def not_ready(self) -> None:
        """Answer 503 from now on."""
        self._up_since = None

    async def _answer(self, _request: web.Request) -> web.Response:
        from aiohttp import web

        if self._up_since is None:
            state = {
                "status": "Server not available",
                "upSince": "0001-01-01T00:00:00Z",
                "uptime": "",
            }
            return web.json_response(state, status=503)
        state = {
            "status": "Server available",
            "upSince": self._up_since.isoformat().replace("+00:00", "Z"),
            "uptime": go_duration(time.monotonic() - self._begin),
        }
        return web.json_response(state)


def go_duration(seconds: float) -> str:
    """`seconds` in Go's notation, to the microsecond: `1h2m3.5s`, `2.25s`."""
    minutes, rest = divmod(round(seconds, 6), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{text}{round(rest, 6):.6f}".rstrip("0").rstrip(".") + "s"
