"""Receive metrics by Prometheus remote write, versions 1 and 2."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from penstock._kernel import WriteRequest
from penstock.config.types import HostPort, ListenAddress
from penstock.pipeline import Batch, Consume, Context, MalformedPayload, Receiver, Signal
from penstock.prometheus.remote_write import ENCODING, MEDIA_TYPE, MESSAGES, V1, Message, Written
from penstock.receivers._posts import (
    Held,
    Posts,
    PostsConfig,
    Turned,
    beside,
    headers_of,
    plainly,
    received,
    too_large,
)
from penstock.receivers._senses import Senses

if TYPE_CHECKING:
    from aiohttp import web

PATH = "/api/v1/write"

EXPANSION = 16
"""How many times the bytes of a request it may take as OTLP, where series have labels each."""


class Config(PostsConfig):
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

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return RemoteWrite(self, context)


class RemoteWrite(Receiver):
    """A server that passes each request on as a batch, and answers when that is taken."""

    transports = ("http",)

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._senses = Senses()
        self._posts = Posts(config, context)
        self._gauge_histograms = context.telemetry.counter(
            "penstock_receiver_untranslated_items",
            "What OpenTelemetry has no words for, by reason.",
            receiver=context.id,
            reason="gauge_histogram",
        )
        self.port = 0

    async def start(self, consume: Consume) -> None:
        """Listen. Raises `StartError` where the address cannot be had."""
        self.port = await self._posts.open(consume, {("POST", PATH): self._answer})

    async def stop(self) -> None:
        """Stop listening; what has been received is answered first."""
        await self._posts.close()

    async def _answer(self, request: web.Request) -> web.Response:
        return await self._posts.answer(request, self._receive, plainly)

    async def _receive(self, request: web.Request) -> web.Response:
        posts = self._posts
        await posts.admit(headers_of(request))
        message = _message(request)
        with posts.holding(request.content_length) as held:
            return await self._take(message, await posts.body(request), held)

    async def _take(self, message: Message, body: bytes, held: Held) -> web.Response:
        from aiohttp import web

        batch, written, fault = await beside(len(body), partial(self._read, message, body))
        if batch is not None:
            held.resize(batch.nbytes)
            await self._posts.pass_on(batch)
        headers = written.headers() if message is not V1 else {}
        if fault:
            self._posts.turned("faulty_series").add(1)
            return web.Response(status=400, text=fault, headers=headers)
        return web.Response(status=204, headers=headers)

    def _read(self, message: Message, body: bytes) -> tuple[Batch | None, Written, str]:
        """The batch that a request holds, if it does, how much of what, and what is wrong."""
        limit = self._config.max_request_body_size
        room = EXPANSION * limit
        try:
            request = WriteRequest.read(message.version, body, limit, room)
            if request is None:
                raise too_large(limit)
            native, counts = request.batch(*self._senses.of(request), room)
        except MalformedPayload as error:
            reason = f"malformed {message.name}: {error}"
            raise Turned(HTTPStatus.BAD_REQUEST, reason, "malformed") from error
        except OverflowError as error:
            raise too_large(room) from error
        samples, histograms, exemplars, gauges, faulty = counts
        if gauges:
            self._gauge_histograms.add(gauges)
        faults, fault = request.faults
        if faulty:
            faults, fault = faults + faulty, fault or "a histogram or a time contradicts itself"
        batch = received(Batch(native)) if native else None
        reason = f"{faults} of its series were not taken: {fault}" if faults else ""
        return batch, Written(samples, histograms, exemplars), reason


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
