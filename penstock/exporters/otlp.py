"""Send telemetry by OTLP/gRPC, as the wire bytes it came in."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

import grpc
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from penstock.config.client_tls import ClientTLS
from penstock.config.types import Duration
from penstock.exporters._answers import rejection, retry_info
from penstock.exporters._auth import RENEWED, Credentials
from penstock.exporters._calls import cancel_begun, result
from penstock.exporters._client import (
    MAX_ANSWER_BYTES,
    USER_AGENT,
    Headers,
    quote,
)
from penstock.exporters._compression import LARGE
from penstock.pipeline import Batch, Context, Exporter, Permanent, Rejected, Retryable, Signal
from penstock.pipeline.auth import ClientAuth
from penstock.pipeline.component import ComponentConfig
from penstock.pipeline.delivery.delivery import DeliveryConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grpc import _CallFuture as CallFuture  # grpcio's stubs alone have a name for it

_METHOD = "/opentelemetry.proto.collector.{}.v1.{}Service/Export"
_METHODS = {
    Signal.TRACES: _METHOD.format("trace", "Trace"),
    Signal.METRICS: _METHOD.format("metrics", "Metrics"),
    Signal.LOGS: _METHOD.format("logs", "Logs"),
}

_RETRYABLE = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
"""OTLP 1.11, "Failures". RESOURCE_EXHAUSTED joins them where it comes with a time to wait."""

_REMEDIES = {
    grpc.StatusCode.PERMISSION_DENIED: "check the credentials in headers or auth",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "check the back end's limits and the size of batches",
    grpc.StatusCode.UNAUTHENTICATED: "check the credentials in headers or auth",
    grpc.StatusCode.UNIMPLEMENTED: "check that the endpoint takes this signal by OTLP/gRPC",
}

_METADATA_KEY = re.compile(r"(?!grpc-)[0-9a-z_.-]+(?<!-bin)")

_FIRST_RECONNECT_MS, _LAST_RECONNECT_MS = 500, 10_000
"""Waits between attempts to connect. grpcio's grow to 2 minutes, for which every request to a back
end that is up again would fail at once; how often requests are repeated is delivery's to say."""


def _is_target(endpoint: str) -> str:
    url = urlsplit(endpoint)
    if "@" in endpoint:
        msg = "credentials do not belong in the endpoint; send them as headers"
        raise ValueError(msg)
    if url.scheme in {"http", "https"} and (url.path.strip("/") or url.query or url.fragment):
        msg = "gRPC has no path in its endpoint; for such a URL use the otlphttp exporter"
        raise ValueError(msg)
    if not _without_scheme(endpoint):
        msg = "expected an address such as backend:4317 or https://backend:4317"
        raise ValueError(msg)
    return endpoint


def _without_scheme(endpoint: str) -> str:
    for scheme in ("http://", "https://"):
        if endpoint.startswith(scheme):
            return endpoint.removeprefix(scheme).rstrip("/")
    return endpoint


def _can_compress(name: object) -> object:
    if name == "zstd":
        msg = f"gRPC in Python has no {name}; use gzip or none, or the otlphttp exporter"
        raise ValueError(msg)
    return "none" if name == "" else name


class Keepalive(BaseModel):
    """Pings on a quiet connection, which find a peer that vanished without closing it."""

    model_config = ComponentConfig.model_config

    time: Duration = Field(default=10.0, gt=0)
    """How long a connection is quiet before a ping. Many servers close a connection that is pinged
    more often than every 5 minutes."""
    timeout: Duration = Field(default=10.0, gt=0)
    """How long the answer to a ping may take before the connection is given up."""
    permit_without_stream: bool = False
    """Whether to ping also while nothing is being sent."""

    def options(self) -> Iterator[tuple[str, int]]:
        """The same as arguments of a channel."""
        yield "grpc.keepalive_time_ms", int(self.time * 1000)
        yield "grpc.keepalive_timeout_ms", int(self.timeout * 1000)
        yield "grpc.keepalive_permit_without_calls", int(self.permit_without_stream)
        yield "grpc.http2.max_pings_without_data", 0  # 2 by default, after which it goes silent


class Config(DeliveryConfig):
    """Options of the `otlp` exporter, under the Collector's names."""

    endpoint: Annotated[str, AfterValidator(_is_target)]
    """`host:port`, or a gRPC target such as `dns:///host:port` or `unix:///path`. `http://` before
    the host means in clear, `https://` encrypted, which is the default."""
    compression: Annotated[Literal["gzip", "none"], BeforeValidator(_can_compress)] = "gzip"
    """How requests are compressed: `gzip` or `none`."""
    headers: Headers = Field(default_factory=dict)
    """Metadata of every request, such as an API key."""
    auth: ClientAuth | None = None
    """Whose credentials requests carry."""
    tls: ClientTLS = ClientTLS()
    """Encryption."""
    keepalive: Keepalive | None = None
    """Pings on a quiet connection; none without this section."""
    balancer_name: Literal["round_robin", "pick_first"] = "round_robin"
    """How requests are spread over the addresses of the endpoint's name."""
    wait_for_ready: bool = False
    """Whether a request waits for a connection, up to `timeout`, instead of failing at once."""
    authority: str = ""
    """The `:authority` of requests, where it is not the endpoint."""

    @property
    def target(self) -> str:
        """The endpoint as gRPC's name resolution takes it."""
        return _without_scheme(self.endpoint)

    @property
    def encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return not (self.tls.insecure or self.endpoint.startswith("http://"))

    @field_validator("headers")
    @classmethod
    def _are_metadata(cls, headers: Headers) -> Headers:
        for name in headers:
            if not _METADATA_KEY.fullmatch(name.lower()):
                msg = f"gRPC does not take the header {name}: use other names than grpc-* and *-bin"
                raise ValueError(msg)
        return headers

    @field_validator("tls")
    @classmethod
    def _always_verifies(cls, tls: ClientTLS) -> ClientTLS:
        if tls.insecure_skip_verify:
            msg = (
                "gRPC in Python always verifies the back end: set ca_file to the certificate it "
                "shows, or use the otlphttp exporter instead of insecure_skip_verify"
            )
            raise ValueError(msg)
        return tls

    @model_validator(mode="after")
    def _scheme_and_tls_agree(self) -> Self:
        self.tls.check_scheme(
            clear=self.endpoint.startswith("http://"),
            encrypted=self.endpoint.startswith("https://"),
        )
        return self

    def build(self, context: Context) -> Exporter:
        """The exporter these settings describe."""
        return Otlp(self, context)


class Otlp(Exporter):
    """One channel, whose requests and answers are bytes: no protobuf class touches the payload.

    The calls are those of grpcio's threads, not of `grpc.aio`: that one compresses on the event
    loop, 30 ms for 3 MB, and at that size costs the same.
    """

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._id = context.id
        self._channel: grpc.Channel | None = None
        self._exports: dict[Signal, grpc.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        self._credentials = Credentials(config.auth, context)
        self._headers = {
            name.lower(): value.get_secret_value() for name, value in config.headers.items()
        }

    async def start(self) -> None:
        """Open the channel, which connects when it is first used. Raises `StartError`."""
        self._credentials.start(encrypted=self._config.encrypted)
        self._channel = channel = self._open()
        self._exports = {signal: channel.unary_unary(path) for signal, path in _METHODS.items()}

    async def send(self, batch: Batch) -> Rejected | None:
        """One call of `Export`."""
        credentials = self._credentials.headers
        call = await self._begin(batch, credentials)
        try:
            answer = await result(call)
        except grpc.RpcError:
            refused = call.code() is grpc.StatusCode.UNAUTHENTICATED
            if refused and await self._credentials.replace(credentials):
                msg = f"{batch.signal} to {self._config.endpoint}: {RENEWED}"
                raise Retryable(msg) from None
            raise self._fault(batch.signal, call) from None
        finally:
            call.cancel()  # of no effect once it has ended
        try:
            return rejection(answer)
        except ValueError as error:
            msg = f"{batch.signal} to {self._config.endpoint}: the answer is {error}"
            raise Retryable(msg) from error

    async def stop(self) -> None:
        """Close the channel."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _open(self) -> grpc.Channel:
        config = self._config
        compression = grpc.Compression.Gzip if config.compression == "gzip" else None
        options = list(_options(config))
        if not config.encrypted:
            return grpc.insecure_channel(config.target, options, compression)
        config.tls.ssl_context(self._id)  # grpcio reports a bad certificate only as a failed call
        chain, key = config.tls.identity(self._id) or (None, None)
        credentials = grpc.ssl_channel_credentials(config.tls.authorities(self._id), key, chain)
        return grpc.secure_channel(config.target, credentials, options, compression)

    async def _begin(self, batch: Batch, credentials: Mapping[str, str]) -> CallFuture[bytes]:
        if self._config.compression == "none" or batch.nbytes < LARGE:
            return self._call(batch, credentials)
        loop = asyncio.get_running_loop()
        beginning = loop.run_in_executor(None, partial(self._call, batch, credentials))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(cancel_begun)
            raise

    def _call(self, batch: Batch, credentials: Mapping[str, str]) -> CallFuture[bytes]:
        export = self._exports[batch.signal]
        payload = batch.to_otlp()
        metadata = tuple({**self._headers, **credentials}.items())
        return export.future(payload, metadata=metadata, wait_for_ready=self._config.wait_for_ready)

    def _fault(self, signal: Signal, call: CallFuture[bytes]) -> Retryable | Permanent:
        code = call.code()
        details = dict(call.trailing_metadata() or ()).get("grpc-status-details-bin")
        after = retry_info(details) if isinstance(details, bytes) else None
        reason = f"{signal} to {self._config.endpoint}: {code.name}: {quote(call.details() or '')}"
        if code in _RETRYABLE or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and after is not None):
            return Retryable(reason, after=after)
        remedy = _REMEDIES.get(code)
        return Permanent(f"{reason}; {remedy}" if remedy else reason)


def _options(config: Config) -> Iterator[tuple[str, str | int]]:
    yield "grpc.service_config", json.dumps({"loadBalancingConfig": [{config.balancer_name: {}}]})
    yield "grpc.service_config_disable_resolution", 1  # DNS must not change how requests are sent
    yield "grpc.enable_retries", 0  # delivery repeats, and counts
    yield "grpc.max_send_message_length", -1
    yield "grpc.max_receive_message_length", MAX_ANSWER_BYTES
    yield "grpc.primary_user_agent", USER_AGENT
    yield "grpc.initial_reconnect_backoff_ms", _FIRST_RECONNECT_MS
    yield "grpc.max_reconnect_backoff_ms", _LAST_RECONNECT_MS
    if config.authority:
        yield "grpc.default_authority", config.authority
    if config.tls.server_name_override:
        yield "grpc.ssl_target_name_override", config.tls.server_name_override
    if config.keepalive:
        yield from config.keepalive.options()
