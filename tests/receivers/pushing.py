"""A running `push_http` receiver, the stage after it, and somebody who pushes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from yarl import URL

from penstock.pipeline import Signal
from penstock.receivers.push_http import Config, PushHttp
from tests.kit import Next, context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BOTH = frozenset({Signal.METRICS, Signal.LOGS})


class Answer:
    """What somebody was told."""

    def __init__(self, status: int, headers: dict[str, str], text: str) -> None:
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def document(self) -> Any:
        """The answer's JSON."""
        return orjson.loads(self.text)


class Pusher:
    """Pushes to a receiver."""

    def __init__(self, receiver: PushHttp, next_: Next, session: aiohttp.ClientSession) -> None:
        self.receiver = receiver
        self.next = next_
        self._session = session

    async def send(
        self, path: str, body: Any = b"", method: str = "POST", **headers: str
    ) -> Answer:
        """Send a body; a `_` in the name of a header is a dash."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(f"http://127.0.0.1:{self.receiver.port}{path}", encoded=True)
        async with self._session.request(method, url, data=body, headers=named) as response:
            return Answer(response.status, dict(response.headers), await response.text())

    async def push(self, sort: str, document: Any, **headers: str) -> Answer:
        """Send items as JSON."""
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        return await self.send(
            f"/v1/push/{sort}", body, **({"Content_Type": "application/json"} | headers)
        )

    def rows(self) -> list[dict[str, Any]]:
        """Every item that was passed on since the last time."""
        rows = [row for batch in self.next.got for row in batch.rows()]
        self.next.got.clear()
        return rows


@asynccontextmanager
async def pushing(
    *faults: Exception, extensions: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Pusher]:
    """A receiver whose next stage answers with `faults` first."""
    async with context("push_http", signals=BOTH, extensions=extensions or {}) as given:
        config = Config.model_validate({"endpoint": "127.0.0.1:0"} | settings)
        receiver = config.build(given)
        assert isinstance(receiver, PushHttp)
        next_ = Next(*faults)
        await receiver.start(next_.consume)
        try:
            async with aiohttp.ClientSession() as session:
                yield Pusher(receiver, next_, session)
        finally:
            await receiver.stop()
