"""The API of the Prometheus Pushgateway."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic import Field

from penstock.config.types import Duration, Section
from penstock.pipeline import Refused
from penstock.receivers._posts import Turned, beside, received
from penstock.receivers._push_exposition import InconsistentError, exposed
from penstock.receivers._push_groups import Groups, Labels
from penstock.receivers._push_routes import TEXT, Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aiohttp import web

    from penstock.pipeline import Batch
    from penstock.receivers._push_bodies import Intake

_PREFIX = "/metrics/"
_BASE64 = "@base64"
_LABEL = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
_PROTOBUF = "application/vnd.google.protobuf"

_LOOKS = 10
"""Looks for groups that are due, in the time after which they are."""


class Pushgateway(Section):
    """What becomes of groups."""

    group_ttl: Duration = Field(default=0.0, ge=0)
    """After this time without a push, a group is deleted; `0` is never."""
    repeat_interval: Duration = Field(default=0.0, ge=0)
    """After this time, what a group holds is passed on again as of now; `0` is never."""
    max_groups: int = Field(default=10_000, ge=1)
    """Groups at a time."""
    max_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """Bytes that groups hold, as OTLP."""


class Gateway:
    """Answers who pushes groups, and keeps them."""

    def __init__(self, config: Pushgateway, intake: Intake) -> None:
        self._config = config
        self._intake = intake
        self.groups = Groups(config.max_groups, config.max_bytes, self._pass_on)

    def routes(self) -> Iterator[Route]:
        """Every method that there is for groups."""
        bad = "It is malformed, or contradicts itself or other groups."
        for method, summary in (
            ("PUT", "Replace all metrics of a group."),
            ("POST", "Replace the metrics of a group that have the same names."),
            ("DELETE", "Delete a group."),
        ):
            deletes = method == "DELETE"
            types = {} if deletes else {TEXT: None, _PROTOBUF: None}
            for job in ("job", f"job{_BASE64}"):
                yield Route(
                    method,
                    f"{_PREFIX}{job}/{{group}}",
                    self._delete if deletes else partial(self._push, replace=method == "PUT"),
                    summary,
                    {202 if deletes else 200: "It was taken.", 400: bad},
                    takes=types,
                    rest="group",
                )
        for path in ("/-/healthy", "/-/ready"):
            yield Route("GET", path, _well, "Whether this is here.", {200: "It is."}, open=True)

    async def keep_time(self) -> None:
        """Repeat and expire groups when it is time; does not return."""
        config = self._config
        async with asyncio.TaskGroup() as tasks:
            if config.repeat_interval:
                pause = config.repeat_interval / _LOOKS
                due = config.repeat_interval - pause / 2  # or it would be a look too late
                tasks.create_task(_again(pause, partial(self.groups.repeat, due)))
            if config.group_ttl:
                expire = partial(self.groups.expire, config.group_ttl)
                tasks.create_task(_again(config.group_ttl / _LOOKS, expire))

    async def _pass_on(self, batch: Batch) -> None:
        await self._intake.posts.pass_on(received(batch))

    async def _push(self, request: web.Request, *, replace: bool) -> web.Response:
        from aiohttp import web

        labels = labels_of(request.rel_url.raw_path)
        async with self._intake.body(request) as (data, held):
            now = time.time_ns()
            read = partial(exposed, data, _format(request), self._intake.limit, dict(labels), now)
            try:
                batch = await beside(len(data), read)
                held.resize(len(data) if batch is None else batch.nbytes)
                await self.groups.push(labels, batch, now, replace=replace)
            except InconsistentError as error:
                with suppress(Refused, Turned):  # the sender has another answer
                    await self.groups.fail(labels, now)
                msg = f"pushed metrics are inconsistent: {error}"
                raise Turned(HTTPStatus.BAD_REQUEST, msg, "inconsistent") from error
        return web.Response(status=200)

    async def _delete(self, request: web.Request) -> web.Response:
        from aiohttp import web

        await self.groups.delete(labels_of(request.rel_url.raw_path), time.time_ns())
        return web.Response(status=202)


async def _again(pause: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(pause)
        with suppress(Refused, Turned):  # which is counted, and there is a next time
            await work()


async def _well(_: web.Request) -> web.Response:
    from aiohttp import web

    return web.Response(text="OK")


def _format(request: web.Request) -> str:
    """The kernel's name of it. As with the Pushgateway, what is not said to be protobuf is text."""
    kind = request.headers.get("Content-Type", "").replace(" ", "").lower()
    if not kind.startswith(_PROTOBUF):
        return "text"
    if "encoding=delimited" not in kind:
        msg = f"expected the Content-Type {_PROTOBUF}; encoding=delimited"
        raise Turned(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, msg, "unsupported_media_type")
    return "protobuf"


def labels_of(path: str) -> Labels:
    """The labels that a path names, as it was sent: `/metrics/job/nightly/instance/a`.

    Raises `Turned` for a path that names none.
    """
    parts = unquote(path.removeprefix(_PREFIX)).removesuffix("/").split("/")
    if len(parts) % 2:
        msg = "expected a value for each label in the path"
        raise _bad(msg)
    labels = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        label = name.removesuffix(_BASE64)
        if not _LABEL.fullmatch(label):
            msg = f"{label[:80]!r} is no name of a label"
            raise _bad(msg)
        if label in labels:
            msg = f"the label {label[:80]} comes twice"
            raise _bad(msg)
        labels[label] = value if label == name else _decoded(value)
        if not value:
            msg = f"the label {label[:80]} is empty, which is written {label[:80]}@base64/="
            raise _bad(msg)
    if not labels["job"]:
        msg = "job name is required"
        raise _bad(msg)
    return tuple(sorted(labels.items()))


def _decoded(text: str) -> str:
    digits = text.rstrip("=")
    try:
        padded = digits + "=" * (-len(digits) % 4)
        return base64.b64decode(padded.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        msg = f"{text[:80]!r} is no text in base64"
        raise _bad(msg) from error


def _bad(reason: str) -> Turned:
    return Turned(HTTPStatus.BAD_REQUEST, reason, "malformed")
