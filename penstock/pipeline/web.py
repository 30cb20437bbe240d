"""What aiohttp serves on the event loop: small pages about the service, and other small servers."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from penstock.pipeline.errors import StartError
from penstock.pipeline.exposure import warn_if_exposed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from penstock.config.tls import ServerTLS
    from penstock.config.types import HostPort
    from penstock.pipeline.component import Context

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_IDLE = 75.0
"""aiohttp's own default."""

_CLOSING = 1.0
"""Seconds that a request under way has when its page closes."""

_logger = logging.getLogger("penstock.pages")


class Page:
    """Paths over HTTP, each answered by a function; at first one.

    `idle` and `closing` are seconds: how long a connection is kept without a request, and how long
    requests under way have when it closes. aiohttp is imported when the page opens: a check of the
    settings has no use for it.
    """

    def __init__(
        self,
        path: str,
        answer: Answer,
        *,
        method: str = "GET",
        idle: float = _IDLE,
        closing: float = _CLOSING,
    ) -> None:
        self._answers = {path: (method, answer)}
        self._idle = idle
        self._closing = closing
        self._runner: web.AppRunner | None = None

    def add(self, path: str, answer: Answer) -> None:
        """Answer one more path, before the page opens."""
        self._answers[path] = ("GET", answer)

    async def open(
        self, address: HostPort, tls: ssl.SSLContext | None = None, *, guarded: bool = False
    ) -> int:
        """Listen there; returns the port. `guarded` tells that strangers get no answer.

        Raises `StartError` when that is not possible.
        """
        from aiohttp import web

        app = web.Application()
        for path, (method, answer) in self._answers.items():
            route = app.router.add_get if method == "GET" else app.router.add_post
            route(path, answer)
        _logger.addFilter(_is_our_fault)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_logger,
            keepalive_timeout=self._idle,
            shutdown_timeout=self._closing,
            auto_decompress=False,  # a body may be a bomb
        )
        await self._runner.setup()
        try:
            host = address.host or None
            await web.TCPSite(self._runner, host, address.port, ssl_context=tls).start()
        except OSError as error:
            msg = f"cannot listen on {address}: {error.strerror}; choose another address"
            raise StartError(msg) from error
        warn_if_exposed(_logger, address, protected=guarded or tls is not None)
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Whether aiohttp logs a fault of ours: a malformed request is answered with 400, and a
    traceback with its bytes for each would let anyone who reaches the page fill the log."""
    from aiohttp.http_exceptions import HttpProcessingError

    cause = record.exc_info[1] if record.exc_info else None
    return not isinstance(cause, HttpProcessingError)


def secured(tls: ServerTLS, context: Context) -> ssl.SSLContext:
    """TLS for a page of the component's, renewed when its files change.

    Raises `StartError` where they cannot be used.
    """
    known = tls.read(context.id)
    page = tls.ssl_context(context.id)
    if tls.reloads:
        renew = partial(tls.renew, context.id, page)
        context.tasks.create_task(tls.watch(context.id, context.logger, known, renew))
    return page
