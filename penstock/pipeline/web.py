"""What aiohttp serves on the event loop: small pages about the service, and other small servers."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, cast

from penstock.pipeline.errors import StartError
from penstock.pipeline.exposure import warn_if_exposed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from aiohttp import web
    from aiohttp.typedefs import Middleware
    from aiohttp.web_protocol import RequestHandler

    from penstock.config.tls import ServerTLS
    from penstock.config.types import HostPort
    from penstock.pipeline.component import Context

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_IDLE = 75.0
"""aiohttp's own default."""

_CLOSING = 1.0
"""Seconds that a request under way has when its page closes."""

_BACKLOG = 1024
"""Connections that wait to be accepted: who finds no place tries again after a second."""

_CROWDED = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)

_logger = logging.getLogger("penstock.pages")


class Page:
    """Paths over HTTP, each answered by a function.

    `idle` and `closing` are seconds: how long a connection is kept without a request, and how long
    requests under way have when it closes. `crowd` bounds what strangers may open. aiohttp is
    imported when the page opens: a check of the settings has no use for it.
    """

    def __init__(
        self, *, idle: float = _IDLE, closing: float = _CLOSING, crowd: Crowd | None = None
    ) -> None:
        self._answers: list[tuple[str, str, Answer]] = []
        self._idle = idle
        self._closing = closing
        self._crowd = crowd
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    def add(self, path: str, answer: Answer, *, method: str = "GET") -> None:
        """Answer a path, or one more, before the page opens. A `{name}` in it stands for a part,
        and `{name:.*}` for all that follows, which are in the request's `match_info`."""
        self._answers.append((method, path, answer))

    async def open(
        self, address: HostPort, tls: ssl.SSLContext | None = None, *, guarded: bool = False
    ) -> int:
        """Listen there; returns the port. `guarded` tells that strangers get no answer.

        Raises `StartError` when that is not possible.
        """
        from aiohttp import web

        app = web.Application(middlewares=[self._crowd.middleware()] if self._crowd else [])
        for method, path, answer in self._answers:
            if method == "GET":
                app.router.add_get(path, answer)
            else:
                app.router.add_route(method, path, answer)
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
        server = self._runner.server
        assert server is not None, "the runner is set up"
        accept = partial(_Newcomer, self._crowd, server) if self._crowd else server
        try:
            self._server = await asyncio.get_running_loop().create_server(
                accept, address.host or None, address.port, ssl=tls, backlog=_BACKLOG
            )
        except OSError as error:
            msg = f"cannot listen on {address}: {error.strerror}; choose another address"
            raise StartError(msg) from error
        warn_if_exposed(_logger, address, protected=guarded or tls is not None)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()
            self._server = None
        if self._runner:
            await self._runner.cleanup()
            self._runner = None


class Crowd:
    """The connections of a page: at most so many, each with so many seconds for its first request.

    `ended` is told why one was ended. For how long the others are kept, the page says.
    """

    def __init__(self, most: int, patience: float, ended: Callable[[str], None]) -> None:
        self._most = most
        self._patience = patience
        self._ended = ended
        self._silent: dict[RequestHandler, asyncio.TimerHandle] = {}

    def let_in(self, server: web.Server, transport: asyncio.Transport) -> None:
        """Have a new connection talk to the server, or tell it to come again."""
        if len(server.connections) >= self._most:
            self._ended("connection_limit")
            transport.write(_CROWDED)
            transport.close()
            return
        handler = server()
        transport.set_protocol(handler)
        loop = asyncio.get_running_loop()
        self._silent[handler] = loop.call_later(self._patience, self._give_up, handler)
        handler.connection_made(transport)

    def middleware(self) -> Middleware:
        """By which aiohttp tells of requests."""
        from aiohttp import web

        @web.middleware
        async def note(request: web.Request, handler: Answer) -> web.StreamResponse:
            timer = self._silent.pop(request.protocol, None)
            if timer:
                timer.cancel()
            return await handler(request)

        return note

    def _give_up(self, handler: RequestHandler) -> None:
        del self._silent[handler]
        if handler.transport is not None:
            self._ended("header_timeout")
            handler.transport.close()


class _Newcomer(asyncio.Protocol):
    """A connection that has just been made."""

    def __init__(self, crowd: Crowd, server: web.Server) -> None:
        self._let_in = partial(crowd.let_in, server)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._let_in(cast("asyncio.Transport", transport))  # uvloop's do not derive from it


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
