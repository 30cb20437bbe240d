"""A target that exposes what a test says, on a port of this machine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Target:
    """What it answers, and what it was asked; a test changes the former."""

    def __init__(self) -> None:
        self.body: str | bytes = ""
        self.headers = {"Content-Type": TEXT}
        self.status = 200
        self.hangs = False
        self.asked: list[web.Request] = []
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.hangs:
            await asyncio.sleep(60)
        body = self.body.encode() if isinstance(self.body, str) else self.body
        return web.Response(body=body, headers=self.headers, status=self.status)


@asynccontextmanager
async def target(body: str | bytes = "") -> AsyncIterator[Target]:
    """Run one."""
    made = Target()
    made.body = body
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()
