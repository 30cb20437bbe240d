"""A small Kubernetes API: lists pods in pages, and tells of changes to whoever watches."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import defaultdict
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from penstock.kubernetes import api as kubernetes_api
from tests.certificates import issue, make_authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

TOKEN = "t0k3n-of-the-account"
PODS = json.loads((Path(__file__).parent / "processors" / "pods.json").read_text())
"""The answer of a cluster to `GET /api/v1/pods`."""


def pod(of: str, **changes: Any) -> dict[str, Any]:
    """One of them, with other metadata, `ip` its address."""
    (found,) = (it for it in PODS["items"] if it["metadata"]["name"].startswith(of))
    status = {**found["status"], "podIP": changes.pop("ip", found["status"]["podIP"])}
    return {**found, "metadata": {**found["metadata"], **changes}, "status": status}


class Cluster:
    """What it has and was asked; a test changes both."""

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = list(PODS["items"])
        self.others: dict[str, list[dict[str, Any]]] = {}
        """What there is besides pods, by its kind in paths."""
        self.asked: list[dict[str, str]] = []
        """The path and parameters of every list."""
        self.watches = 0
        self.refuses = 0
        """A status with which it answers, 0 for none."""
        self.page = 2
        """Pods in an answer."""
        self._events: defaultdict[str, asyncio.Queue[str | None]] = defaultdict(asyncio.Queue)

    def tell(self, kind: str, about: dict[str, Any], of: str = "pods") -> None:
        """Let who watches know of a change."""
        self.send({"type": kind, "object": about}, of)

    def send(self, event: Any, of: str = "pods") -> None:
        """Let who watches have an event, whatever it is."""
        self._events[of].put_nowait(json.dumps(event))

    def hang_up(self) -> None:
        """End the watch, as the API does after a while."""
        self._events["pods"].put_nowait(None)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401)
        if self.refuses:
            return web.Response(status=self.refuses)
        if "watch" in request.query:
            return await self._watch(request)
        self.asked.append({"path": request.path, **request.query})
        items = self.others.get(_kind(request), self.pods)
        first = int(request.query.get("continue", 0))
        rest = str(first + self.page) if first + self.page < len(items) else ""
        metadata = {**PODS["metadata"], "continue": rest}
        return web.json_response(
            {**PODS, "metadata": metadata, "items": items[first : first + self.page]}
        )

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watches += 1
        response = web.StreamResponse()
        await response.prepare(request)
        while event := await self._events[_kind(request)].get():
            await response.write(f"{event}\n".encode())
        return response


def _kind(request: web.Request) -> str:
    return request.path.rpartition("/")[2]


@asynccontextmanager
async def cluster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    """Run one; the process is in a pod of it."""
    make_authority(folder, "ca")
    issue(folder, "server", by="ca")
    (folder / "ca.pem").rename(folder / "ca.crt")
    (folder / "token").write_text(TOKEN + "\n")
    made = Cluster()
    app = web.Application()
    app.router.add_get("/api/v1/{path:.*}", made.answer)
    app.router.add_get("/apis/{path:.*}", made.answer)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "server.pem", folder / "server.key")
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(runner.addresses[0][1]))
    monkeypatch.setattr(kubernetes_api, "SERVICE_ACCOUNT", folder)
    try:
        yield made
    finally:
        await runner.cleanup()
