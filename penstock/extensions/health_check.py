"""Answer whether the service is up, and how each component is, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from penstock.config.tls import ServerTLS
from penstock.config.types import HostPort, ListenAddress
from penstock.extensions._status_page import (
    ComponentHealth,
    Settings,
    StatusPage,
    StatusSettings,
    rfc3339,
)
from penstock.pipeline import Extension, ExtensionConfig
from penstock.pipeline.web import Page, secured

if TYPE_CHECKING:
    from aiohttp import web

    from penstock.pipeline import Context

ENDPOINT = HostPort("localhost", 13133)


class ResponseBody(Settings):
    """Text to answer with instead of the usual JSON."""

    healthy: str = ""
    """The body while the service is up."""
    unhealthy: str = ""
    """The body while it starts or stops."""


class Http(Settings):
    """The address of version 2."""

    endpoint: ListenAddress = ENDPOINT
    """Where to listen."""
    tls: ServerTLS | None = None
    """TLS of that address."""
    status: StatusSettings = StatusSettings()
    """The status page."""

    not_here: ClassVar[Mapping[str, str]] = {
        "config": "`penstock print-config` shows the settings; remove it"
    }


class Config(ExtensionConfig):
    """Options of the Collector's `health_check` extension, in both of its versions."""

    endpoint: ListenAddress = ENDPOINT
    """Where to listen."""
    tls: ServerTLS | None = None
    """TLS of that address."""
    path: str = Field(default="/", pattern="^/")
    """The path that is answered with whether the service is up."""
    response_body: ResponseBody | None = None
    """Text to answer with there instead of the usual JSON."""
    use_v2: bool = False
    """Open what `http` describes instead: a status page and nothing else."""
    http: Http | None = None
    """The address of version 2."""
    component_health: ComponentHealth = ComponentHealth()
    """Which errors of components the status page answers with 500."""

    not_here: ClassVar[Mapping[str, str]] = {
        "grpc": "the `otlp` receiver answers gRPC health checks at its own address; remove it",
        "check_collector_pipeline": (
            "the Collector ignores it too; set `component_health.include_recoverable_errors` and "
            "`recovery_duration`, and probe the status page"
        ),
    }

    @model_validator(mode="after")
    def _one_version(self) -> Self:
        if self.use_v2 != (self.http is not None):
            msg = "`use_v2: true` and `http` go together: set both or none"
            raise ValueError(msg)
        idle = [name for name in ("endpoint", "tls", "path", "response_body") if self._has(name)]
        if self.use_v2 and idle:
            msg = f"with `use_v2: true`, `{idle[0]}` has no effect: what `http` says is there"
            raise ValueError(msg)
        if self.path == self.status.path and not self.use_v2:
            msg = f"{self.path} is the path of the status page; choose another one"
            raise ValueError(msg)
        return self

    def _has(self, name: str) -> bool:
        return name in self.model_fields_set

    @property
    def address(self) -> HostPort:
        """Where to listen, in either version."""
        return self.http.endpoint if self.http else self.endpoint

    def listens(self) -> dict[tuple[str | int, ...], HostPort]:
        """Where it listens: in one version or in the other."""
        return {("http", "endpoint") if self.http else ("endpoint",): self.address}

    @property
    def status(self) -> StatusSettings:
        """The status page, in either version."""
        return self.http.status if self.http else StatusSettings()

    def build(self, context: Context) -> HealthCheck:
        """The extension."""
        return HealthCheck(self, context)


class HealthCheck(Extension):
    """200 from when every pipeline runs until the first receiver stops, else 503.

    That speaks of the process: a back end that is down does not make it unhealthy. How components
    are is told by the status page.
    """

    def __init__(self, config: Config, context: Context) -> None:
        self.port = 0
        """The port, once it is open."""
        self._endpoint = config.address
        self._tls = config.http.tls if config.http else config.tls
        self._context = context
        self._body = config.response_body
        status = StatusPage(config.status, config.component_health, context.board)
        self._page = Page()
        self._page.add(config.status.path, status.answer)
        if not config.use_v2:
            self._page.add(config.path, self._answer)
        self._up_since: datetime | None = None
        self._begin = 0.0

    async def start(self) -> None:
        """Open the page. Raises `StartError`."""
        tls = secured(self._tls, self._context) if self._tls else None
        self.port = await self._page.open(self._endpoint, tls)

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

        code = 200 if self._up_since else 503
        if self._body:
            text = self._body.healthy if self._up_since else self._body.unhealthy
            return web.Response(text=text, status=code)
        return web.json_response(self._state(), status=code)

    def _state(self) -> dict[str, str]:
        if self._up_since is None:
            return {
                "status": "Server not available",
                "upSince": "0001-01-01T00:00:00Z",
                "uptime": "",
            }
        return {
            "status": "Server available",
            "upSince": rfc3339(self._up_since),
            "uptime": go_duration(time.monotonic() - self._begin),
        }


def go_duration(seconds: float) -> str:
    """`seconds` in Go's notation, to the microsecond: `1h2m3.5s`, `2.25s`."""
    minutes, rest = divmod(round(seconds, 6), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{text}{round(rest, 6):.6f}".rstrip("0").rstrip(".") + "s"
