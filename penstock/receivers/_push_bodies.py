"""What is pushed, before anybody reads it: its bytes, without their compression."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from penstock._kernel import MalformedPayload, decompressed
from penstock.pipeline import Batch
from penstock.receivers._posts import Turned, beside, received, too_large

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp import web

    from penstock._kernel import Batch as Native
    from penstock.pipeline.telemetry.registry import Counter
    from penstock.receivers._posts import Held, Posts

ENCODINGS = ("gzip", "deflate", "zstd", "snappy", "identity")

SCOPE = ("penstock/receivers/push_http", version("penstock"))
"""The scope of whatever says none."""


class Body(NamedTuple):
    """A body that was received, and the room that its request has."""

    data: bytes
    held: Held


class Intake(NamedTuple):
    """What all ways in share."""

    posts: Posts
    limit: int
    """Largest body in bytes, before and after decompression."""
    faulty: Mapping[str, Counter]
    """Counts pieces that make no sense, by the way they came."""
    texts: Counter
    """Counts fields of Influx that are texts, which OpenTelemetry has no data points for."""

    @asynccontextmanager
    async def body(self, request: web.Request) -> AsyncIterator[Body]:
        """The body of a request, with its room. Raises `Turned` and `Refused`."""
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        if encoding not in ENCODINGS:
            msg = f"expected a Content-Encoding of {', '.join(ENCODINGS)}; found {encoding[:40]}"
            raise Turned(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, msg, "unsupported_encoding")
        with self.posts.holding(request.content_length) as held:
            data = await self.posts.body(request)
            if encoding != "identity":
                data = await self._decompressed(encoding, data)
            held.resize(len(data))
            yield Body(data, held)

    async def pass_on(self, native: Native, held: Held) -> Batch:
        """Hand on what one request brought. Raises `Turned` and `Refused`."""
        batch = received(Batch(native))
        held.resize(batch.nbytes)
        await self.posts.pass_on(batch)
        return batch

    async def _decompressed(self, encoding: str, body: bytes) -> bytes:
        try:
            plain = await beside(len(body), partial(decompressed, encoding, body, self.limit))
        except ValueError as error:
            raise Turned(HTTPStatus.BAD_REQUEST, str(error), "bad_compression") from error
        if plain is None:
            raise too_large(self.limit)
        return plain


def malformed(error: MalformedPayload) -> Turned:
    """What is said of a body that makes no sense."""
    return Turned(HTTPStatus.BAD_REQUEST, f"malformed body: {error}", "malformed")


def json_answer(
    status: int, document: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer in JSON."""
    import orjson
    from aiohttp import web

    body = orjson.dumps(document)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
