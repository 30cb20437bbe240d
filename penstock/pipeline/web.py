"""Small pages about the service itself, served by aiohttp on its event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.errors import StartError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from penstock.config.types import HostPort

    Answer = Callable[[web.Request], Awaitable[web.Response]]

_CLOSING = 1.0
"""Seconds that a request under way has when its page closes."""


class Page:
    """Paths over HTTP, each answered by a function; at first one.

    aiohttp is imported when the page opens: a check of the settings has no use for it.
    """

    def __init__(self, path: str, answer: Answer) -> None:
        self._answers = {path: answer}
        self._runner: web.AppRunner | None = None

    def add(self, path: str, answer: Answer) -> None:
        """Answer one more path, before the page opens."""
        self._answers[path] = answer

    async def open(self, address: HostPort, tls: ssl.SSLContext | None = None) -> int:
        """Listen there; returns the port. Raises `StartError` when that is not possible."""
        from aiohttp import web

        app = web.Application()
        for path, answer in self._answers.items():
            app.router.add_get(path, answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSING)
        await self._runner.setup()
        try:
            host = address.host or None
            await web.TCPSite(self._runner, host, address.port, ssl_context=tls).start()
        except OSError as error:
            msg = f"cannot listen on {address}: {error.strerror}; choose another address"
            raise StartError(msg) from error
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None
