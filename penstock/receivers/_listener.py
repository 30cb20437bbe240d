"""The addresses of the kernel's server: what they offer and ask, under the Collector's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    model_validator,
)

from penstock._kernel import Cors, Terms
from penstock.config.tls import ServerTLS
from penstock.config.types import Duration, Endpoint, HostPort, Section, UrlPath
from penstock.pipeline.auth import ServerAuth

if TYPE_CHECKING:
    from penstock._kernel import Tls
    from penstock.pipeline import Signal

MIB = 1024 * 1024

HEADER_TIMEOUT = 60.0
BODY_TIMEOUT = 60.0
WRITE_TIMEOUT = 30.0
"""Seconds that clients of gRPC have, where the Collector has no options: as those of HTTP."""

_OWNER_ONLY = "0600"

_SAFELISTED = ("accept", "accept-language", "content-type", "content-language")
"""Headers that pages may always send."""

_NOT_HERE = {
    "dialer": "it is about making connections, which a receiver does not do; remove it",
    "include_metadata": "headers of requests are not kept; remove it",
    "middlewares": "there are none; remove it",
}


class Admission(Section):
    """How much may wait inside the receiver."""

    request_limit_mib: int = Field(default=128, ge=1)
    """MiB of requests that are being received or whose senders wait for an answer. Half of it
    stops the reading of sockets for a moment; all of it turns requests away with a retry time."""


class Listener(Section):
    """What the addresses of both protocols have."""

    transport: Literal["tcp", "tcp4", "tcp6", "unix"] = "tcp"
    """`tcp`, `tcp4` and `tcp6` for one version of IP only, or `unix` for a socket in a file."""
    endpoint: Endpoint
    """Where to listen: `host:port`, or the path of a unix socket."""
    socket_permissions: str = Field(default=_OWNER_ONLY, pattern="^0[0-7]{3}$")
    """Of a unix socket: who may write to it may send."""
    tls: ServerTLS | None = None
    """Encrypt, and perhaps ask clients for certificates; without it, take what comes in clear."""
    auth: ServerAuth | None = None
    """Whose requests are taken at this address; without it, everybody's."""

    @model_validator(mode="after")
    def _a_place_of_its_kind(self) -> Self:
        is_unix = self.transport == "unix"
        if is_unix and isinstance(self.endpoint, HostPort):
            msg = "transport: unix needs an endpoint, the path of a socket such as /run/otlp.sock"
            raise ValueError(msg)
        if not is_unix and self.socket_permissions != _OWNER_ONLY:
            msg = "socket_permissions are those of a unix socket; set transport: unix or remove it"
            raise ValueError(msg)
        return self

    @property
    def family(self) -> int:
        """The version of IP, 0 for both."""
        return {"tcp4": 4, "tcp6": 6}.get(self.transport, 0)


class ServerParameters(Section):
    """How long connections are kept. 0 is for ever."""

    max_connection_idle: Duration = 0.0
    """After this time without a request, a connection is ended."""
    max_connection_age: Duration = 0.0
    """After this time, give or take a tenth, a connection takes no more requests."""
    max_connection_age_grace: Duration = 0.0
    """The time that its open requests have then."""
    time: Duration = Field(default=7200.0, gt=0)
    """After this time without a sign of life, a client is pinged."""
    timeout: Duration = Field(default=20.0, gt=0)
    """The time that it has to answer a ping."""


class EnforcementPolicy(Section):
    """How often clients may ping; who does more often is sent away."""

    min_time: Duration = Field(default=300.0, gt=0)
    """The least time between two pings."""
    permit_without_stream: bool = False
    """Whether clients without requests may ping as often too; otherwise once in two hours."""


class Keepalive(Section):
    """Pings and the ends of connections, as gRPC's servers have them."""

    server_parameters: ServerParameters = ServerParameters()
    """How long connections are kept."""
    enforcement_policy: EnforcementPolicy = EnforcementPolicy()
    """How often clients may ping."""


class Grpc(Listener):
    """The gRPC address."""

    endpoint: Endpoint = HostPort("localhost", 4317)
    """Where to listen: `host:port`, or the path of a unix socket."""
    max_recv_msg_size_mib: int = Field(default=64, ge=1, le=2047)
    """Largest message in MiB, before and after decompression. OTLP recommends 64."""
    max_concurrent_streams: int = Field(default=100, ge=1, lt=2**31)
    """Requests that one connection may have open at a time; a client keeps more back. The more they
    are, the longer one connection can make the others wait."""
    keepalive: Keepalive = Keepalive()
    """Pings and the ends of connections."""

    not_here: ClassVar[Mapping[str, str]] = {
        **_NOT_HERE,
        "read_buffer_size": "connections share their read buffers; remove it",
        "write_buffer_size": "answers are small and written at once; remove it",
    }

    def terms(self, tls: Tls | None) -> Terms:
        """All of it for the kernel."""
        parameters, policy = self.keepalive.server_parameters, self.keepalive.enforcement_policy
        return Terms(
            tls=tls,
            header_timeout=HEADER_TIMEOUT,
            read_timeout=BODY_TIMEOUT,
            write_timeout=WRITE_TIMEOUT,
            idle_timeout=parameters.max_connection_idle,
            max_connection_age=parameters.max_connection_age,
            max_connection_age_grace=parameters.max_connection_age_grace,
            ping_interval=parameters.time,
            ping_timeout=parameters.timeout,
            min_ping_interval=policy.min_time,
            ping_without_stream=policy.permit_without_stream,
            max_concurrent_streams=self.max_concurrent_streams,
        )


def _one_star(origins: list[str]) -> list[str]:
    for origin in origins:
        if origin.count("*") > 1 or not origin.isascii():
            msg = f"expected an origin such as https://*.example.com, found {origin!r}"
            raise ValueError(msg)
    return origins


class CorsSettings(Section):
    """Which pages in a browser may send, and see the answer."""

    allowed_origins: Annotated[list[str], AfterValidator(_one_star)] = Field(min_length=1)
    """Their origins; one `*` in each stands for anything. `*` alone is any page, which then cannot
    send with its user's credentials."""
    allowed_headers: list[str] = Field(default_factory=list)
    """Headers that they may send besides Accept, Content-Type and the languages of both; `*` for
    any. If empty, X-Requested-With."""
    exposed_headers: list[str] = Field(default_factory=list)
    """Headers of answers that they may read."""
    max_age: int = Field(default=0, ge=0)
    """Seconds for which a browser may remember all this; 0 leaves it to the browser."""

    def rules(self) -> Cors:
        """All of it for the kernel."""
        return Cors(
            origins=self.allowed_origins,
            headers=[*_SAFELISTED, *(self.allowed_headers or ["x-requested-with"])],
            exposed=self.exposed_headers,
            max_age=self.max_age,
        )


class Http(Listener):
    """The HTTP address."""

    endpoint: Endpoint = HostPort("localhost", 4318)
    """Where to listen: `host:port`, or the path of a unix socket."""
    max_request_body_size: int = Field(default=64 * MIB, ge=1, lt=2**31)
    """Largest body in bytes, before and after decompression. OTLP recommends 64 MiB."""
    traces_url_path: UrlPath = "/v1/traces"
    """Where traces are posted to."""
    metrics_url_path: UrlPath = "/v1/metrics"
    """Where metrics are posted to."""
    logs_url_path: UrlPath = "/v1/logs"
    """Where logs are posted to."""
    cors: CorsSettings | None = None
    """Which pages in a browser may send; without it, none."""
    read_header_timeout: Duration = HEADER_TIMEOUT
    """The time that a request's head may take; 0 is that of `read_timeout`."""
    read_timeout: Duration = BODY_TIMEOUT
    """The time that its body may take; 0 is any."""
    write_timeout: Duration = WRITE_TIMEOUT
    """The time that a client may take to read its answer; 0 is any."""
    idle_timeout: Duration = 60.0
    """After this time without a request, a connection is ended; 0 is that of `read_timeout`."""
    keep_alives_enabled: bool = True
    """Whether an HTTP/1 connection is kept for more requests."""

    not_here: ClassVar[Mapping[str, str]] = {
        **_NOT_HERE,
        "compression_algorithms": "gzip, zstd and deflate are always understood; remove it",
        "keepalive": "set `idle_timeout` and `keep_alives_enabled`",
        "response_headers": "answers have the headers of their protocol and no others; remove it",
    }

    def path(self, signal: Signal) -> str:
        """Where `signal` is posted to."""
        path: str = getattr(self, f"{signal}_url_path")
        return path

    def terms(self, tls: Tls | None) -> Terms:
        """All of it for the kernel. What pings there are, `idle_timeout` bounds."""
        return Terms(
            tls=tls,
            cors=self.cors.rules() if self.cors else None,
            header_timeout=self.read_header_timeout or self.read_timeout,
            read_timeout=self.read_timeout,
            write_timeout=self.write_timeout,
            idle_timeout=self.idle_timeout or self.read_timeout,
            ping_interval=0.0,
            min_ping_interval=0.0,
            keep_alive=self.keep_alives_enabled,
        )
