"""Receive metrics by Prometheus remote write, versions 1 and 2."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from penstock._kernel import WriteRequest
from penstock.config.tls import ServerTLS
from penstock.config.types import Duration, HostPort, ListenAddress
from penstock.pipeline import (
    Batch,
    Consume,
    Context,
    Invalid,
    MalformedPayload,
    Receiver,
    ReceiverConfig,
    Refused,
    Signal,
)
from penstock.pipeline.auth import ServerAuth
from penstock.pipeline.errors import Unauthenticated
from penstock.pipeline.web import Page, secured
from penstock.prometheus.remote_write import ENCODING, MEDIA_TYPE, MESSAGES, V1, Message, Written
from penstock.receivers._door import Doorkeeper, Room
from penstock.receivers._listener import MIB, Admission
from penstock.receivers._senses import Senses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from aiohttp import web

    from penstock.pipeline.telemetry.registry import Counter

PATH = "/api/v1/write"

STOP_GRACE = 5.0
"""Seconds that open requests have to be answered once the receiver is told to stop."""

LARGE = 16_384
"""Compressed bytes from which reading a request is a thread's work: it takes a millisecond."""

EXPANSION = 16
"""How many times the bytes of a request it may take as OTLP, where series have labels each."""


class Config(ReceiverConfig):
    """Options of the `prometheusremotewrite` receiver, under the Collector's names."""

    signals = frozenset({Signal.METRICS})

    not_here: ClassVar[Mapping[str, str]] = {
        "compression_algorithms": "remote write has one compression, Snappy; remove it",
        "cors": "browsers do not send remote write; remove it",
        "include_metadata": "headers of requests are not kept; remove it",
        "middlewares": "there are none; remove it",
        "read_header_timeout": "set `read_timeout`, and put a proxy before what strangers reach",
        "response_headers": "answers have the headers of their protocol and no others; remove it",
        "transport": "set `endpoint`, which is always TCP",
        "write_timeout": "answers are small and written at once; remove it",
    }

    endpoint: ListenAddress = HostPort("localhost", 9090)
    """Where to listen; senders post to `/api/v1/write` there."""
    tls: ServerTLS | None = None
    """Encrypt, and perhaps ask clients for certificates; without it, take what comes in clear."""
    auth: ServerAuth | None = None
    """Whose requests are taken; without it, everybody's."""
    max_request_body_size: int = Field(default=10 * MIB, ge=1, lt=2**31)
    """Largest body in bytes, before and after decompression."""
    read_timeout: Duration = Field(default=60.0, gt=0)
    """The time that a body may take."""
    idle_timeout: Duration = Field(default=60.0, gt=0)
    """After this time without a request, a connection is ended."""
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

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return RemoteWrite(self, context)


class Turned(Exception):  # noqa: N818  (it is an answer)
    """A request that is answered without being passed on."""

    def __init__(self, status: HTTPStatus, reason: str, word: str) -> None:
        super().__init__(reason)
        self.status = status
        self.word = word
        """The reason in a word, for its counter."""


class RemoteWrite(Receiver):
    """A server that passes each request on as a batch, and answers when that is taken."""

    transports = ("http",)

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._senses = Senses()
        self._room = Room(config.admission.request_limit_mib * MIB)
        self._gauge_histograms = context.telemetry.counter(
            "penstock_receiver_untranslated_items",
            "What OpenTelemetry has no words for, by reason.",
            receiver=context.id,
            reason="gauge_histogram",
        )
        self._door: Doorkeeper | None = None
        self._page: Page | None = None
        self.port = 0

    async def start(self, consume: Consume) -> None:
        """Listen. Raises `StartError` where the address cannot be had."""
        config, context = self._config, self._context
        self._consume = consume
        self._door = Doorkeeper(config.auth.find(context)) if config.auth else None
        tls = secured(config.tls, context) if config.tls else None
        page = Page(PATH, self._answer, method="POST", idle=config.idle_timeout, closing=STOP_GRACE)
        self.port = await page.open(config.endpoint, tls, guarded=self._door is not None)
        self._page = page

    async def stop(self) -> None:
        """Stop listening; what has been received is answered first."""
        page, self._page = self._page, None
        if page is not None:
            await page.close()
        door, self._door = self._door, None
        if door is not None:
            door.close()

    async def _answer(self, request: web.Request) -> web.Response:
        from aiohttp import web

        try:
            await self._admit(request)
            message = _message(request)
            with self._holding(request.content_length) as held:
                body = await self._body(request)
                return await self._take(message, body, held)
        except Turned as turned:
            self._turned(turned.word).add(1)
            return web.Response(status=turned.status, text=str(turned))
        except Unauthenticated:
            self._turned("unauthenticated").add(1)
            assert self._door is not None
            headers = {"WWW-Authenticate": self._door.challenge}
            return web.Response(status=401, text="unauthenticated", headers=headers)
        except Refused as refusal:
            headers = {"Retry-After": str(max(1, round(refusal.retry_after)))}
            return web.Response(status=503, text=str(refusal), headers=headers)

    async def _admit(self, request: web.Request) -> None:
        if self._door:
            names = {name.lower() for name in request.headers}
            await self._door.admit({name: request.headers.getall(name) for name in names})

    @contextmanager
    def _holding(self, announced: int | None) -> Iterator[_Held]:
        held = _Held(self._room)
        held.resize(min(announced or LARGE, self._config.max_request_body_size))
        try:
            yield held
        finally:
            held.resize(0)

    async def _body(self, request: web.Request) -> bytes:
        limit = self._config.max_request_body_size
        if (request.content_length or 0) > limit:
            raise _too_large(limit)
        body = bytearray()
        try:
            async with asyncio.timeout(self._config.read_timeout):
                async for part in request.content.iter_any():
                    body += part
                    if len(body) > limit:
                        raise _too_large(limit)
        except TimeoutError as error:
            msg = "the body took longer than read_timeout to arrive"
            raise Turned(HTTPStatus.REQUEST_TIMEOUT, msg, "read_timeout") from error
        return bytes(body)

    async def _take(self, message: Message, body: bytes, held: _Held) -> web.Response:
        from aiohttp import web

        large = len(body) >= LARGE
        read = self._read
        batch, written, fault = (
            await asyncio.to_thread(read, message, body) if large else read(message, body)
        )
        if batch is not None:
            held.resize(batch.nbytes)
            try:
                await self._consume(batch)
            except Invalid as error:
                raise Turned(HTTPStatus.BAD_REQUEST, str(error), "invalid") from error
        headers = written.headers() if message is not V1 else {}
        if fault:
            self._turned("faulty_series").add(1)
            return web.Response(status=400, text=fault, headers=headers)
        return web.Response(status=204, headers=headers)

    def _read(self, message: Message, body: bytes) -> tuple[Batch | None, Written, str]:
        """The batch that a request holds, if it does, how much of what, and what is wrong."""
        limit = self._config.max_request_body_size
        room = EXPANSION * limit
        try:
            request = WriteRequest.read(message.version, body, limit, room)
            if request is None:
                raise _too_large(limit)
            native, counts = request.batch(*self._senses.of(request), room)
        except MalformedPayload as error:
            reason = f"malformed {message.name}: {error}"
            raise Turned(HTTPStatus.BAD_REQUEST, reason, "malformed") from error
        except OverflowError as error:
            raise _too_large(room) from error
        samples, histograms, exemplars, gauges, faulty = counts
        if gauges:
            self._gauge_histograms.add(gauges)
        faults, fault = request.faults
        if faulty:
            faults, fault = faults + faulty, fault or "a histogram or a time contradicts itself"
        arrival = {"http": (len(native), 1)} if native else None
        batch = Batch(native, arrival) if native else None
        reason = f"{faults} of its series were not taken: {fault}" if faults else ""
        return batch, Written(samples, histograms, exemplars), reason

    def _turned(self, reason: str) -> Counter:
        return self._context.telemetry.counter(
            "penstock_receiver_turned_away_requests",
            "Requests that the server answered with an error by itself, by reason.",
            "{request}",
            receiver=self._context.id,
            reason=reason,
        )


class _Held:
    """The bytes that one request holds."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0

    def resize(self, size: int) -> None:
        """Hold so many. Raises `Refused` where there is no room for more."""
        if size > self._size:
            self._room.take(size - self._size)
        else:
            self._room.give_back(self._size - size)
        self._size = size


def _message(request: web.Request) -> Message:
    """What the body is, by its headers: without a parameter it is of version 1."""
    encoding = request.headers.get("Content-Encoding", "")
    if encoding.lower() != ENCODING:
        msg = f"expected the Content-Encoding {ENCODING}, found {encoding or 'none'}"
        raise Turned(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, msg, "unsupported_encoding")
    parameters: Mapping[str, Any] = _parameters(request.headers.get("Content-Type", ""))
    message = MESSAGES.get(parameters.get("proto", V1.name))
    if request.content_type != MEDIA_TYPE or message is None:
        known = " or ".join(f"{MEDIA_TYPE};proto={name}" for name in MESSAGES)
        msg = f"expected the Content-Type {known}"
        raise Turned(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, msg, "unsupported_media_type")
    return message


def _parameters(content_type: str) -> dict[str, str]:
    parts = (part.partition("=") for part in content_type.split(";")[1:])
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in parts}


def _too_large(limit: int) -> Turned:
    msg = f"the request is over {limit} bytes; send fewer samples in each, or raise the limit"
    return Turned(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, msg, "too_large")
