"""Pages over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from penstock.config.types import HostPort
from penstock.pipeline.web import Crowd, Page
from tests.kit import eventually, in_loop

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


@in_loop
async def test_a_path_has_parts_and_methods() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {request.match_info}")

    page = Page()
    page.add("/a/{rest:(?s:.*)}", answer, method="PUT")
    port = await page.open(HostPort("127.0.0.1", 0))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        for method, status in (("PUT", 200), ("POST", 405)):
            async with client.request(method, "/a/b/c%0Ad") as told:
                assert told.status == status
    await page.close()


@in_loop
async def test_a_crowd_is_told_to_come_again_until_some_have_gone() -> None:
    ended: list[str] = []
    page = Page(crowd=Crowd(2, 60.0, ended.append))
    page.add("/", hello)
    port = await page.open(HostPort("127.0.0.1", 0))
    peers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    told = await peers[2][0].read()
    assert told.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n")
    assert ended == ["connection_limit"]
    for _, writer in peers:
        writer.close()
        await writer.wait_closed()
    assert page._runner is not None
    server = page._runner.server
    await eventually(lambda: server is not None and not server.connections)
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        client.get("/") as answer,
    ):
        assert answer.status == 200
    await page.close()


@in_loop
async def test_who_does_not_ask_for_anything_is_not_waited_for() -> None:
    ended: list[str] = []
    page = Page(crowd=Crowd(9, 0.05, ended.append))
    page.add("/", hello)
    port = await page.open(HostPort("127.0.0.1", 0))
    silent, writer = await asyncio.open_connection("127.0.0.1", port)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        async with client.get("/") as answer:
            assert answer.status == 200
        assert await silent.read() == b""
        async with client.get("/") as answer:
            assert answer.status == 200
    assert ended == ["header_timeout"]
    writer.close()
    await page.close()
