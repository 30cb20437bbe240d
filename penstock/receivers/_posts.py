"""What receivers share that are posted to: who may send, how much at a time, and what is said to
those that are turned away."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field, model_validator

from penstock.config.tls import ServerTLS
from penstock.config.types import Duration, ListenAddress
from penstock.pipeline import Batch, Context, Invalid, ReceiverConfig, Refused
from penstock.pipeline.auth import ServerAuth
from penstock.pipeline.errors import Unauthenticated
from penstock.pipeline.web import Crowd, Page, secured
from penstock.receivers._door import Doorkeeper, Room
from penstock.receivers._listener import MIB, Admission

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from typing import Self

    from aiohttp import web

    from penstock.pipeline import Consume
    from penstock.pipeline.telemetry.registry import Counter

    Work = Callable[[web.Request], Awaitable[web.Response]]
    Words = Callable[[int, str], web.Response]
    """An answer of that status that tells a reason, as a protocol has it."""

T = TypeVar("T")

STOP_GRACE = 5.0
"""Seconds that open requests have to be answered once the receiver is told to stop."""

LARGE = 16_384
"""Bytes from which reading a body is a thread's work: it takes a millisecond."""


class PostsConfig(ReceiverConfig):
    """Options that all of them have, under the Collector's names where it has them."""

    endpoint: ListenAddress
    """Where to listen."""
    tls: ServerTLS | None = None
    """Encrypt, and perhaps ask clients for certificates; without it, take what comes in clear."""
    auth: ServerAuth | None = None
    """Whose requests are taken; without it, everybody's."""
    max_request_body_size: int = Field(default=10 * MIB, ge=1, lt=2**31)
    """Largest body in bytes, before and after decompression."""
    read_timeout: Duration = Field(default=60.0, gt=0)
    """The time that the first head of a connection may take, and that each body may."""
    idle_timeout: Duration = Field(default=60.0, gt=0)
    """After this time without a request, a connection is ended."""
    max_connections: int = Field(default=1000, ge=1)
    """Connections at a time. Who comes when there are as many is told to come again."""
    admission: Admission = Admission()
    """How much may wait inside the receiver."""

    @model_validator(mode="after")
    def _one_request_fits(self) -> Self:
        if self.admission.request_limit_mib * MIB < self.max_request_body_size:
            msg = (
                f"admission.request_limit_mib ({self.admission.request_limit_mib}) must not be "
                f"less than max_request_body_size ({self.max_request_body_size} bytes)"
            )
            raise ValueError(msg)
        return self


class Turned(Exception):  # noqa: N818  (it is an answer)
    """A request that is answered without being passed on."""

    def __init__(self, status: HTTPStatus, reason: str, word: str) -> None:
        super().__init__(reason)
        self.status = status
        self.word = word
        """The reason in a word, for its counter."""


class Posts:
    """What is posted to one receiver."""

    def __init__(self, config: PostsConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._room = Room(config.admission.request_limit_mib * MIB)
        self._overloaded = self.turned("overloaded")
        self._door: Doorkeeper | None = None
        self._page: Page | None = None

    async def open(self, consume: Consume, answers: Mapping[tuple[str, str], Work]) -> int:
        """Answer at paths, each by a method; returns the port. Raises `StartError` where the
        address cannot be had."""
        config, context = self._config, self._context
        self._consume = consume
        self._door = Doorkeeper(config.auth.find(context)) if config.auth else None
        tls = secured(config.tls, context) if config.tls else None
        crowd = Crowd(config.max_connections, config.read_timeout, self._ended)
        page = Page(idle=config.idle_timeout, closing=STOP_GRACE, crowd=crowd)
        for (method, path), answer in answers.items():
            page.add(path, answer, method=method)
        port = await page.open(config.endpoint, tls, guarded=self._door is not None)
        self._page = page
        return port

    async def close(self) -> None:
        """Stop listening; what has been received is answered first."""
        page, self._page = self._page, None
        if page is not None:
            await page.close()
        door, self._door = self._door, None
        if door is not None:
            door.close()

    async def answer(self, request: web.Request, work: Work, words: Words) -> web.Response:
        """What `work` answers, or what is said to who is turned away, which is counted."""
        try:
            return await work(request)
        except Turned as turned:
            self.turned(turned.word).add(1)
            return words(turned.status, str(turned))
        except Unauthenticated:
            self.turned("unauthenticated").add(1)
            response = words(HTTPStatus.UNAUTHORIZED, "unauthenticated")
            if self._door:
                response.headers["WWW-Authenticate"] = self._door.challenge
            return response
        except Refused as refusal:
            response = words(HTTPStatus.SERVICE_UNAVAILABLE, str(refusal))
            response.headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
            return response

    async def admit(self, headers: Mapping[str, list[str]]) -> None:
        """Ask whether these headers, by their names in lower case, are of somebody who may send.

        Raises `Unauthenticated` or `Refused`.
        """
        if self._door:
            await self._door.admit(headers)

    @contextmanager
    def holding(self, announced: int | None) -> Iterator[Held]:
        """Room for a request that is so large, as far as it says. Raises `Refused`."""
        held = Held(self._room, self._overloaded)
        held.resize(min(announced or LARGE, self._config.max_request_body_size))
        try:
            yield held
        finally:
            held.resize(0)

    async def body(self, request: web.Request) -> bytes:
        """All of a body. Raises `Turned` for one that is too large, too slow or broken."""
        from aiohttp.web import RequestPayloadError

        limit = self._config.max_request_body_size
        if (request.content_length or 0) > limit:
            raise too_large(limit)
        body = bytearray()
        try:
            async with asyncio.timeout(self._config.read_timeout):
                async for part in request.content.iter_any():
                    body += part
                    if len(body) > limit:
                        raise too_large(limit)
        except TimeoutError as error:
            msg = "the body took longer than read_timeout to arrive"
            raise Turned(HTTPStatus.REQUEST_TIMEOUT, msg, "read_timeout") from error
        except (ConnectionError, RequestPayloadError) as error:
            raise Turned(HTTPStatus.BAD_REQUEST, "the body broke off", "disconnected") from error
        return bytes(body)

    async def pass_on(self, batch: Batch) -> None:
        """Hand a batch on. Raises `Refused`, and `Turned` for one that is never taken."""
        try:
            await self._consume(batch)
        except Invalid as error:
            raise Turned(HTTPStatus.BAD_REQUEST, str(error), "invalid") from error

    def turned(self, reason: str) -> Counter:
        """Counts requests that are turned away."""
        return self._context.telemetry.counter(
            "penstock_receiver_turned_away_requests",
            "Requests that the server answered with an error by itself, by reason.",
            "{request}",
            receiver=self._context.id,
            reason=reason,
        )

    def _ended(self, reason: str) -> None:
        self._context.telemetry.counter(
            "penstock_receiver_ended_connections",
            "Connections that the server ended by itself, by reason.",
            "{connection}",
            receiver=self._context.id,
            reason=reason,
        ).add(1)


class Held:
    """The bytes that one request holds."""

    def __init__(self, room: Room, overloaded: Counter) -> None:
        self._room = room
        self._overloaded = overloaded
        self._size = 0

    def resize(self, size: int) -> None:
        """Hold so many. Raises `Refused` where there is no room for more."""
        if size < self._size:
            self._room.give_back(self._size - size)
        elif size > self._size:
            self._take(size - self._size)
        self._size = size

    def _take(self, more: int) -> None:
        try:
            self._room.take(more)
        except Refused:
            self._overloaded.add(1)
            raise


def headers_of(request: web.Request) -> dict[str, list[str]]:
    """Every header, by its name in lower case."""
    names = {name.lower() for name in request.headers}
    return {name: request.headers.getall(name) for name in names}


async def beside(size: int, work: Callable[[], T]) -> T:
    """What `work` with so many bytes gives: in a thread, if they are many."""
    return await asyncio.to_thread(work) if size >= LARGE else work()


def plainly(status: int, reason: str) -> web.Response:
    """The reason as a text."""
    from aiohttp import web

    return web.Response(status=status, text=reason)


def received(batch: Batch) -> Batch:
    """The batch, as one request over HTTP has brought it."""
    return Batch(batch.native, {"http": (len(batch), 1)})


def too_large(limit: int) -> Turned:
    """What is said of a request that has more bytes than that."""
    msg = f"the request is over {limit} bytes; send fewer items in each, or raise the limit"
    return Turned(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, msg, "too_large")
