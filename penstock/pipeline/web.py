"""Small pages about the service itself, served by aiohttp on its event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.pipeline.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from penstock.config.types import HostPort

_CLOSING = 1.0
"""Seconds that a request under way has when its page closes."""


class Page:
    """One path over HTTP, answered by `answer`.

    aiohttp is imported when the page opens: a check of the settings has no use for it.
    """

    def __init__(self, path: str, answer: Callable[[web.Request], Awaitable[web.Response]]) -> None:
        self._path = path
        self._answer = answer
        self._runner: web.AppRunner | None = None

    async def open(self, address: HostPort) -> int:
        """Listen there; returns the port. Raises `StartError` when that is not possible."""
        from aiohttp import web

        app = web.Application()
        app.router.add_get(self._path, self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSING)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, address.host or None, address.port).start()
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
