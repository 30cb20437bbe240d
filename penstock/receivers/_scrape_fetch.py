"""One request to a target: bounded in time and size, and honest about formats."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from yarl import URL

    from penstock.receivers._scrape_options import Protocol, ScrapeConfig

_ACCEPT: dict[Protocol, str] = {
    "PrometheusProto": (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    ),
    "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
    "PrometheusText1.0.0": "text/plain;version=1.0.0;escaping=allow-utf-8",
    "PrometheusText0.0.4": "text/plain;version=0.0.4",
}

_OK = 200
_MAX_REDIRECTS = 10
_PIECE = 1024 * 1024
"""Bytes that are decompressed at a time."""
_SMALL = 64 * 1024
"""Bytes that are decompressed at once: it takes less than a millisecond."""


MAX_HELD = 256 * 1024 * 1024
"""Bytes of expositions that are read at a time: what becomes of one takes some times as many."""


class Outcome(StrEnum):
    """What became of a scrape; limits have the names of their options."""

    SUCCESS = "success"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    STATUS = "status"
    CONTENT_TYPE = "content_type"
    MALFORMED = "malformed"
    RELABEL = "relabel"
    CREDENTIALS = "credentials"
    BODY_SIZE_LIMIT = "body_size_limit"
    SAMPLE_LIMIT = "sample_limit"
    LABEL_LIMIT = "label_limit"
    LABEL_NAME_LENGTH_LIMIT = "label_name_length_limit"
    LABEL_VALUE_LENGTH_LIMIT = "label_value_length_limit"
    TARGET_LIMIT = "target_limit"
    OVERLOAD = "overload"
    SKIPPED = "skipped"


class ScrapeError(Exception):
    """A scrape failed."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class Room:
    """Bytes of expositions that are being read, of all targets together."""

    def __init__(self, limit: int = MAX_HELD) -> None:
        self._limit = limit
        self._held = 0

    @contextmanager
    def account(self) -> Iterator[Callable[[int], None]]:
        """Gives a function that takes so many bytes, or raises `ScrapeError`; what was taken is
        given back at the end."""
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            if self._held + size > self._limit:
                msg = f"over {self._limit} bytes of expositions are being read already"
                raise ScrapeError(Outcome.OVERLOAD, msg)
            taken += size
            self._held += size

        try:
            yield take
        finally:
            self._held -= taken


class Exposition(NamedTuple):
    """What a target answered."""

    body: bytes
    format: str
    """The kernel's name of it."""


def accept(protocols: Sequence[Protocol]) -> str:
    """The value of `Accept` that asks for formats, the preferred first."""
    count = len(protocols) + 1
    ways = [f"{_ACCEPT[it]};q=0.{count - place}" for place, it in enumerate(protocols)]
    return ",".join([*ways, "*/*;q=0.1"])


async def fetch(
    session: aiohttp.ClientSession,
    job: ScrapeConfig,
    url: URL,
    headers: Mapping[str, str],
    take: Callable[[int], None],
) -> Exposition:
    """Ask a target; `take` is told of each byte that came. Raises `ScrapeError`."""
    try:
        async with session.get(
            url,
            headers=headers,
            allow_redirects=job.follow_redirects,
            max_redirects=_MAX_REDIRECTS,
            server_hostname=job.tls_config.server_name or None,
        ) as response:
            if response.status != _OK:
                msg = f"the target answered {response.status}"
                raise ScrapeError(Outcome.STATUS, msg)
            encoding = response.headers.get("Content-Encoding", "identity").lower()
            format_ = _format(response.headers.get("Content-Type", ""), job)
            body = await _read(response.content, job.body_size_limit, take)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ScrapeError(Outcome.UNREACHABLE, _describe(error)) from error
    if encoding != "identity":
        body = await _decompressed(body, encoding, job.body_size_limit)
        take(len(body))
    return Exposition(body, format_)


def _describe(error: Exception) -> str:
    """What went wrong, without the URL and headers that some of aiohttp's exceptions show."""
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {text}"[:300]


def _format(content_type: str, job: ScrapeConfig) -> str:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind == "application/openmetrics-text":
        return "openmetrics"
    if kind == "text/plain":
        return "text"
    if kind == "application/vnd.google.protobuf" and "encoding=delimited" in parameters:
        return "protobuf"
    if job.scrape_fallback_protocol is None:
        msg = (
            f"the target says that it sends {content_type[:80]!r}, which is no format of "
            "Prometheus; set scrape_fallback_protocol if it is wrong"
        )
        raise ScrapeError(Outcome.CONTENT_TYPE, msg)
    return _FORMATS[job.scrape_fallback_protocol]


_FORMATS: dict[Protocol, str] = {
    "PrometheusProto": "protobuf",
    "OpenMetricsText1.0.0": "openmetrics",
    "OpenMetricsText0.0.1": "openmetrics",
    "PrometheusText1.0.0": "text",
    "PrometheusText0.0.4": "text",
}


def _too_large(limit: int) -> ScrapeError:
    return ScrapeError(Outcome.BODY_SIZE_LIMIT, f"the exposition has more than {limit} bytes")


async def _read(content: aiohttp.StreamReader, limit: int, take: Callable[[int], None]) -> bytes:
    parts, size = [], 0
    async for part in content.iter_any():
        take(len(part))
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


async def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    if encoding != "gzip":
        msg = f"the target compresses with {encoding[:20]!r}, which it was not asked for"
        raise ScrapeError(Outcome.MALFORMED, msg)
    if len(body) < _SMALL:
        return gunzip(body, limit)
    return await asyncio.to_thread(gunzip, body, limit)


def gunzip(body: bytes, limit: int) -> bytes:
    """What is compressed, of at most so many bytes. Raises `ScrapeError`."""
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    parts, size = [], 0
    try:
        while body and not decompressor.eof:
            part = decompressor.decompress(body, _PIECE)
            body = decompressor.unconsumed_tail
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
        parts.append(decompressor.flush())
    except zlib.error as error:
        raise ScrapeError(Outcome.MALFORMED, f"the exposition is no gzip: {error}") from error
    if not decompressor.eof:
        raise ScrapeError(Outcome.MALFORMED, "the exposition is cut off")
    return b"".join(parts)
