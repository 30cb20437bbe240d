"""Pages over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from penstock.config.types import HostPort
from penstock.pipeline.web import Page
from tests.kit import in_loop

if TYPE_CHECKING:
    import pytest


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello from {request.path}")


@in_loop
async def test_a_page_has_several_paths() -> None:
    page = Page()
    page.add("/a", hello)
    page.add("/b", hello)
    port = await page.open(HostPort("127.0.0.1", 0))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        for path, status in (("/a", 200), ("/b", 200), ("/c", 404)):
            async with client.get(path) as answer:
                assert answer.status == status
    await page.close()


@in_loop
async def test_a_malformed_request_is_answered_and_leaves_nothing_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = Page()
    page.add("/", hello)
    port = await page.open(HostPort("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nAuthorization: secret\r\nContent-Length: -1\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()
    await page.close()
    assert caplog.text == ""


async def broken(request: web.Request) -> web.Response:
    raise ZeroDivisionError


@in_loop
async def test_a_bug_in_a_page_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    page = Page()
    page.add("/", broken)
    port = await page.open(HostPort("127.0.0.1", 0))
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        client.get("/") as answer,
    ):
        assert answer.status == 500
    await page.close()
    assert "ZeroDivisionError" in caplog.text
