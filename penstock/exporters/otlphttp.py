"""Send telemetry by OTLP/HTTP, in protobuf or JSON."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from yarl import URL

from penstock.config.types import Duration
from penstock.exporters._answers import rejection
from penstock.exporters._compression import LARGE, Compression, CompressionParams
from penstock.exporters._http import Answer, Poster, PosterConfig, Url, name_of
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
from penstock.pipeline.delivery.delivery import DeliveryConfig

_RETRYABLE = {429, 502, 503, 504}
"""OTLP 1.11, "Failures"."""

_CONTENT_TYPES = {"proto": "application/x-protobuf", "json": "application/json"}


def _is_base(endpoint: str) -> str:
    if URL(endpoint).raw_query_string:
        msg = "a query cannot be followed by a path such as /v1/traces; use traces_endpoint"
        raise ValueError(msg)
    return endpoint


class Config(PosterConfig, DeliveryConfig):
    """Options of the `otlphttp` exporter, under the Collector's names."""

    timeout: Duration = Field(default=30.0, gt=0)
    """How long one attempt may take."""
    endpoint: Annotated[Url, AfterValidator(_is_base)] | None = None
    """Where to send; `/v1/traces`, `/v1/metrics` or `/v1/logs` is appended."""
    traces_endpoint: Url | None = None
    """Where to send traces instead: the whole URL."""
    metrics_endpoint: Url | None = None
    """Where to send metrics instead: the whole URL."""
    logs_endpoint: Url | None = None
    """Where to send logs instead: the whole URL."""
    encoding: Literal["proto", "json"] = "proto"
    """The encoding of requests: `proto` or `json`."""
    compression: Compression = "gzip"
    """How requests are compressed: `gzip`, `zstd`, `deflate` or `none`."""
    compression_params: CompressionParams = CompressionParams()
    """How hard to compress."""

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
        self._poster = Poster(config, context)

    async def start(self) -> None:
        """Open the client, which connects when it is first used. Raises `StartError`."""
        for signal in sorted(self._context.signals - self._urls.keys()):
            msg = f"{self._context.id}: no endpoint for {signal}; set endpoint or {signal}_endpoint"
            raise StartError(msg)
        encrypted = all(url.scheme == "https" for url in self._urls.values())
        compression = self._config.compression
        headers = {} if compression == "none" else {"Content-Encoding": compression}
        self._poster.start(headers, encrypted=encrypted)

    async def send(self, batch: Batch) -> Rejected | None:
        """One POST. What is not answered by HTTP's rules may be sent again."""
        body = await self._encoded(batch)
        return _verdict(await self._poster.post(self._urls[batch.signal], body, self._content_type))

    async def stop(self) -> None:
        """Close the connections."""
        await self._poster.stop()

    async def _encoded(self, batch: Batch) -> bytes:
        """Off the event loop what takes long; protobuf without compression is a mere copy."""
        costly = self._config.compression != "none" or self._config.encoding == "json"
        if costly and batch.nbytes >= LARGE:
            return await asyncio.to_thread(self._encode, batch)
        return self._encode(batch)

    def _encode(self, batch: Batch) -> bytes:
        json = self._config.encoding == "json"
        return self._compress(batch.to_json() if json else batch.to_otlp())


def _verdict(answer: Answer) -> Rejected | None:
    answer.raise_for(_RETRYABLE)
    response, body = answer
    if body is None:
        msg = f"{name_of(response.url)}: took the request, but its answer is over 4 MiB"
        raise Permanent(msg)
    if response.content_type not in _CONTENT_TYPES.values():
        return None
    try:
        return rejection(body, json=response.content_type == _CONTENT_TYPES["json"])
    except ValueError as error:
        msg = f"{name_of(response.url)}: the answer is no OTLP response"
        raise Retryable(msg) from error
