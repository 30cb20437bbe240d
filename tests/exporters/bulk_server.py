"""A server of the bulk API that remembers documents and answers as it is told."""

from __future__ import annotations

import gzip
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ELASTICSEARCH = {"version": {"number": "9.1.0"}, "tagline": "You Know, for Search"}
OPENSEARCH = {"version": {"number": "2.19.6", "distribution": "opensearch"}}

Document = tuple[dict[str, Any], dict[str, Any]]
"""An action and its document."""


class BulkServer:
    """Takes every document unless `judge` gives another status for it, or an answer of `answers`
    is for the whole request."""

    def __init__(self, root: dict[str, Any] | None = ELASTICSEARCH) -> None:
        self.root = root
        self.answers: list[web.Response] = []
        self.judge: Callable[[dict[str, Any]], int] = lambda _: 201
        self.documents: list[Document] = []
        self.headers: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_get("/", self._root)
        app.router.add_post("/_bulk", self._bulk)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()

    async def _root(self, request: web.Request) -> web.Response:
        return web.json_response(self.root) if self.root else web.Response(status=403)

    async def _bulk(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.headers.append(dict(request.headers))
        self.queries.append(dict(request.query))
        if self.answers:
            return self.answers.pop(0)
        if refusal := self._media(request.headers["Accept"], request.headers["Content-Type"]):
            return refusal
        items = [self._take(*document) for document in pairs(body)]
        return web.json_response({"errors": False, "items": items})

    def _media(self, accept: str, content: str) -> web.Response | None:
        """What OpenSearch, or Elasticsearch (`RestCompatibleVersionHelper`), says to such types."""
        versions = [it.partition("compatible-with=")[2] for it in (accept, content)]
        if self.root == OPENSEARCH:
            return web.Response(status=406) if any(versions) else None
        if versions in (["", ""], ["8", "8"], ["9", "9"]):
            return None
        error = {"type": "media_type_header_exception", "reason": f"{accept} {content}"}
        return web.json_response({"error": error}, status=400)

    def _take(self, action: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        status = self.judge(document)
        if status < 300:
            self.documents.append((action, document))
            return {"create": {"status": status}}
        error = {"type": "some_exception", "reason": "no\nreason"}
        return {"create": {"status": status, "error": error}}


def pairs(body: bytes) -> list[Document]:
    """The actions and documents of a body, of which each is one line of JSON without equal keys."""
    text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    assert text.endswith(b"\n")
    lines = [json.loads(line, object_pairs_hook=_unique) for line in text.split(b"\n")[:-1]]
    return list(zip(lines[::2], lines[1::2], strict=True))


def _unique(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in fields]
    assert len(keys) == len(set(keys)), keys
    return dict(fields)
