"""Send telemetry by OTLP/HTTP, in protobuf or JSON."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal, Self

import aiohttp
from aiohttp.payload import Payload
from pydantic import AfterValidator, Field, model_validator
from yarl import URL

from penstock.config.types import Duration
from penstock.exporters._answers import failure_message, rejection, retry_after
from penstock.exporters._auth import RENEWED, Credentials
from penstock.exporters._client import (
    MAX_ANSWER_BYTES,
    USER_AGENT,
    ClientTLS,
    Headers,
    quote,
)
from penstock.exporters._compression import LARGE, Compression, CompressionParams
from penstock.pipeline import (
    Batch,
    Context,
    Exporter,
    Permanent,
    Rejected,
    Retryable,
    Signal,
    StartError,
)
from penstock.pipeline.auth import ClientAuth
from penstock.pipeline.delivery.delivery import DeliveryConfig

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

_FIRST_REDIRECT, _FIRST_FAILURE = 300, 400

_RETRYABLE = {429, 502, 503, 504}
"""OTLP 1.11, "Failures"."""

_REMEDIES = {
    401: "check the credentials in headers or auth",
    403: "check the credentials in headers or auth",
    404: "check the path of the endpoint",
    405: "check the path of the endpoint",
    413: "make batches smaller",
    415: "check encoding and compression",
}

_CONTENT_TYPES = {"proto": "application/x-protobuf", "json": "application/json"}


def _is_url(endpoint: str) -> str:
    url = URL(endpoint)
    if url.scheme not in {"http", "https"} or not url.host:
        msg = "expected a URL such as http://backend:4318"
        raise ValueError(msg)
    if "@" in url.raw_authority:
        msg = "credentials do not belong in the endpoint; send them as headers"
        raise ValueError(msg)
    return endpoint


def _is_base(endpoint: str) -> str:
    if URL(endpoint).raw_query_string:
        msg = "a query cannot be followed by a path such as /v1/traces; use traces_endpoint"
        raise ValueError(msg)
    return endpoint


_Url = Annotated[str, AfterValidator(_is_url)]


class Config(DeliveryConfig):
    """Options of the `otlphttp` exporter, under the Collector's names."""

    timeout: Duration = Field(default=30.0, gt=0)
    """How long one attempt may take."""
    endpoint: Annotated[_Url, AfterValidator(_is_base)] | None = None
    """Where to send; `/v1/traces`, `/v1/metrics` or `/v1/logs` is appended."""
    traces_endpoint: _Url | None = None
    """Where to send traces instead: the whole URL."""
    metrics_endpoint: _Url | None = None
    """Where to send metrics instead: the whole URL."""
    logs_endpoint: _Url | None = None
    """Where to send logs instead: the whole URL."""
    encoding: Literal["proto", "json"] = "proto"
    """The encoding of requests: `proto` or `json`."""
    compression: Compression = "gzip"
    """How requests are compressed: `gzip`, `zstd`, `deflate` or `none`."""
    compression_params: CompressionParams = CompressionParams()
    """How hard to compress."""
    headers: Headers = Field(default_factory=dict)
    """Headers of every request, such as an API key."""
    auth: ClientAuth | None = None
    """Whose credentials requests carry."""
    tls: ClientTLS = ClientTLS()
    """Encryption, for endpoints of `https://`."""
    max_conns_per_host: int = Field(default=0, ge=0)
    """The most connections to a host; 0 sets no limit."""
    idle_conn_timeout: Duration = Field(default=90.0, gt=0)
    """How long an unused connection is kept open."""

    def url(self, signal: Signal) -> URL | None:
        """Where `signal` is sent, if anywhere."""
        own: str | None = getattr(self, f"{signal}_endpoint")
        if own or self.endpoint is None:
            return URL(own) if own else None
        return URL(f"{self.endpoint.removesuffix('/')}/v1/{signal}")

    @model_validator(mode="after")
    def _level_exists(self) -> Self:
        self.compression_params.compressor(self.compression)
        return self

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        urls = [url for signal in Signal if (url := self.url(signal))]
        if not urls:
            msg = "expected an endpoint, such as http://backend:4318"
            raise ValueError(msg)
        encrypted = any(url.scheme == "https" for url in urls)
        self.tls.check_scheme(clear=not encrypted, encrypted=encrypted)
        return self

    def build(self, context: Context) -> Exporter:
        """The exporter these settings describe."""
        return OtlpHttp(self, context)


class OtlpHttp(Exporter):
    """One POST a batch, on connections that are kept."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._content_type = _CONTENT_TYPES[config.encoding]
        self._compress = config.compression_params.compressor(config.compression)
        self._urls = {signal: url for signal in Signal if (url := config.url(signal))}
        self._credentials = Credentials(config.auth, context)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the client, which connects when it is first used. Raises `StartError`."""
        for signal in sorted(self._context.signals - self._urls.keys()):
            msg = f"{self._context.id}: no endpoint for {signal}; set endpoint or {signal}_endpoint"
            raise StartError(msg)
        config = self._config
        encrypted = all(url.scheme == "https" for url in self._urls.values())
        self._credentials.start(encrypted=encrypted)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                limit_per_host=config.max_conns_per_host,
                keepalive_timeout=config.idle_conn_timeout,
                ssl=config.tls.ssl_context(self._context.id),
            ),
            headers=self._headers(),
            timeout=aiohttp.ClientTimeout(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # an answer is short, unless it is a bomb
        )

    async def send(self, batch: Batch) -> Rejected | None:
        """One POST. What is not answered by HTTP's rules may be sent again."""
        assert self._session is not None, "send before start"
        url = self._urls[batch.signal]
        body = _Body(await self._encoded(batch), self._content_type)
        server_name = self._config.tls.server_name_override or None
        credentials = self._credentials.headers
        try:
            async with self._session.post(
                url,
                data=body,
                headers=credentials,
                allow_redirects=False,
                server_hostname=server_name,
            ) as response:
                answer = await _read(response)
        except (aiohttp.ClientError, OSError) as error:
            msg = f"{_name(url)}: {_describe(error)}"
            raise Retryable(msg) from error
        refused = response.status == HTTPStatus.UNAUTHORIZED
        if refused and await self._credentials.replace(credentials):
            msg = f"{_name(url)}: {RENEWED}"
            raise Retryable(msg)
        return _verdict(response, answer)

    async def stop(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        if self._config.compression != "none":
            headers["Content-Encoding"] = self._config.compression
        secrets = self._config.headers.items()
        return headers | {name: value.get_secret_value() for name, value in secrets}

    async def _encoded(self, batch: Batch) -> bytes:
        """Off the event loop what takes long; protobuf without compression is a mere copy."""
        costly = self._config.compression != "none" or self._config.encoding == "json"
        if costly and batch.nbytes >= LARGE:
            return await asyncio.to_thread(self._encode, batch)
        return self._encode(batch)

    def _encode(self, batch: Batch) -> bytes:
        json = self._config.encoding == "json"
        return self._compress(batch.to_json() if json else batch.to_otlp())


class _Body(Payload):
    """Bytes in one piece. aiohttp's own payload warns of large ones; a socket takes either."""

    _value: bytes

    def __init__(self, value: bytes, content_type: str) -> None:
        super().__init__(value, content_type=content_type)
        self._size = len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        await writer.write(self._value)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The answer's body; `None` for one that is too long to be an answer."""
    try:
        await response.content.readexactly(MAX_ANSWER_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    return None


def _verdict(response: aiohttp.ClientResponse, answer: bytes | None) -> Rejected | None:
    if response.status >= _FIRST_REDIRECT:
        raise _fault(response, answer or b"")
    if answer is None:
        msg = f"{_name(response.url)}: took the request, but its answer is over 4 MiB"
        raise Permanent(msg)
    if response.content_type not in _CONTENT_TYPES.values():
        return None
    try:
        return rejection(answer, json=response.content_type == _CONTENT_TYPES["json"])
    except ValueError as error:
        msg = f"{_name(response.url)}: the answer is no OTLP response"
        raise Retryable(msg) from error


def _fault(response: aiohttp.ClientResponse, answer: bytes) -> Retryable | Permanent:
    reason = f"{_name(response.url)}: {response.status} {quote(response.reason or '')}".rstrip()
    if response.status < _FIRST_FAILURE:
        return Permanent(f"{reason}; redirects are not followed: set endpoint to the new place")
    message = failure_message(answer, response.content_type)
    reason = f"{reason}: {message}" if message else reason
    if response.status in _RETRYABLE:
        return Retryable(reason, after=retry_after(response.headers.get("Retry-After")))
    remedy = _REMEDIES.get(response.status)
    return Permanent(f"{reason}; {remedy}" if remedy else reason)


def _name(url: URL) -> str:
    """The URL without its query, which may hold a key."""
    return str(url.with_query(None))


def _describe(error: Exception) -> str:
    """What went wrong, without the URL and headers that some of aiohttp's exceptions show."""
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {quote(text)}"
