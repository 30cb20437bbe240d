"""Answers to scrapes: in the format asked for, piece by piece, and not too many at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock.pipeline import Refused
from penstock.pipeline.errors import Unauthenticated
from penstock.pipeline.faults import FaultLog
from penstock.prometheus.formats import negotiated, takes_gzip

if TYPE_CHECKING:
    from aiohttp import web

    from penstock.exporters._exposed import Exposed
    from penstock.exporters.prometheus import Config
    from penstock.pipeline import Context
    from penstock.pipeline.auth import ServerAuthenticator
    from penstock.prometheus.formats import Format

PIECE = 256 * 1024
"""Bytes that are made of an answer at a time, in a thread, while those before are sent."""

AT_ONCE = 8
"""Scrapes that are answered at a time: each keeps what has changed since it began."""


class Scrapes:
    """Answers requests for what is exposed."""

    def __init__(self, exposed: Exposed, config: Config, context: Context) -> None:
        self.authenticator: ServerAuthenticator | None = None
        self._exposed = exposed
        self._config = config
        self._faults = FaultLog(context.logger)
        self._answered = context.telemetry.counter(
            "penstock_exporter_prometheus_scrapes",
            "Scrapes that were answered.",
            "{scrape}",
            exporter=context.id,
        )
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
            return await self._answer(request)
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

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        accept = request.headers.get("Accept", "")
        format_ = negotiated(accept, open_metrics=self._config.enable_open_metrics)
        gzip = takes_gzip(request.headers.get("Accept-Encoding", ""))
        headers = {"Content-Type": format_.content_type, "Vary": "Accept, Accept-Encoding"}
        if gzip:
            headers["Content-Encoding"] = "gzip"
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        if request.method != "HEAD":
            try:
                async with asyncio.timeout(self._config.write_timeout or None):
                    await self._write(response, format_, gzip=gzip)
            except TimeoutError:
                self._faults.report("An answer was cut off", 1, "it took over write_timeout")
                if request.transport:
                    request.transport.abort()
        return response

    async def _write(self, response: web.StreamResponse, format_: Format, *, gzip: bool) -> None:
        scrape = await asyncio.to_thread(
            self._exposed.kernel.scrape,
            format_.name,
            format_.escaping,
            self._config.send_timestamps,
            gzip,
        )
        while piece := await asyncio.to_thread(scrape.more, PIECE):
            await response.write(piece)
        await response.write_eof()
        self._answered.add(1)
