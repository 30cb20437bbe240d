"""Pages over HTTP."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from penstock.config.types import HostPort
from penstock.pipeline.web import Page
from tests.kit import in_loop


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello from {request.path}")


@in_loop
async def test_a_page_has_several_paths() -> None:
    page = Page("/a", hello)
    page.add("/b", hello)
    port = await page.open(HostPort("127.0.0.1", 0))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        for path, status in (("/a", 200), ("/b", 200), ("/c", 404)):
            async with client.get(path) as answer:
                assert answer.status == status
    await page.close()
