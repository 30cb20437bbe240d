"""Answers to scrapes: in the format asked for, piece by piece, and not too many at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock.pipeline import Refused
from penstock.pipeline.errors import Unauthenticated
from penstock.prometheus.formats import negotiated, takes_gzip

if TYPE_CHECKING:
    from aiohttp import web

    from penstock.exporters._exposed import Exposed
    from penstock.pipeline.auth import ServerAuthenticator
    from penstock.pipeline.telemetry.registry import Counter

PIECE = 256 * 1024
"""Bytes that are made of an answer at a time, in a thread, while those before are sent."""

AT_ONCE = 8
"""Scrapes that are answered at a time: each keeps what has changed since it began."""


class Scrapes:
    """Answers requests. `timeout` bounds an answer, in seconds; 0 does not."""

    def __init__(
        self,
        exposed: Exposed,
        *,
        open_metrics: bool,
        timestamps: bool,
        timeout: float,
        answered: Counter,
    ) -> None:
        self.authenticator: ServerAuthenticator | None = None
        self._exposed = exposed
        self._open_metrics = open_metrics
        self._timestamps = timestamps
        self._timeout = timeout or None
        self._answered = answered
        self._open = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What is exposed now."""
        from aiohttp import web

        if refusal := await self._refusal(request):
            return refusal
        if self._open >= AT_ONCE:
            return web.Response(status=503, text="too many scrapes at a time\n")
        self._open += 1
        try:
            async with asyncio.timeout(self._timeout):
                return await self._stream(request)
        finally:
            self._open -= 1

    async def _refusal(self, request: web.Request) -> web.Response | None:
        from aiohttp import web

        if self.authenticator is None:
            return None
        headers = {name.lower(): request.headers.getall(name) for name in request.headers}
        try:
            await self.authenticator.authenticate(headers)
        except Unauthenticated:
            challenge = {"WWW-Authenticate": self.authenticator.challenge}
            return web.Response(status=401, text="unauthenticated\n", headers=challenge)
        except Refused:
            return web.Response(status=503, text="credentials cannot be checked now\n")
        return None

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        format_ = negotiated(request.headers.get("Accept", ""), open_metrics=self._open_metrics)
        gzip = takes_gzip(request.headers.get("Accept-Encoding", ""))
        headers = {"Content-Type": format_.content_type, "Vary": "Accept, Accept-Encoding"}
        if gzip:
            headers["Content-Encoding"] = "gzip"
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        if request.method != "HEAD":
            scrape = await asyncio.to_thread(
                self._exposed.kernel.scrape,
                format_.name,
                format_.escaping,
                self._timestamps,
                gzip,
            )
            while piece := await asyncio.to_thread(scrape.more, PIECE):
                await response.write(piece)
            self._answered.add(1)
        await response.write_eof()
        return response
