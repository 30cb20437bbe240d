"""Influx' line protocol, as InfluxDB 1 and 2 take it."""

from __future__ import annotations

import time
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

from penstock._kernel import read_lines
from penstock.receivers._posts import Turned, beside, too_large
from penstock.receivers._push_bodies import SCOPE, json_answer
from penstock.receivers._push_routes import JSON, TEXT, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from penstock.receivers._posts import Words
    from penstock.receivers._push_bodies import Intake
    from penstock.receivers._push_routes import Headers

PRECISIONS = {
    "n": 1,
    "ns": 1,
    "u": 10**3,
    "us": 10**3,
    "µ": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
"""Nanoseconds of the units that a request can say its times are in."""

RESOURCE = (
    "aws.",
    "azure.",
    "cloud.",
    "container.",
    "deployment.",
    "device.",
    "faas.",
    "gcp.",
    "host.",
    "k8s.",
    "os.",
    "process.",
    "service.",
    "telemetry.",
    "webengine.",
)
"""How tags begin that are attributes of resources by OpenTelemetry's conventions."""

EXPANSION = 16
"""How many times the bytes of a request its points may take: each field repeats its line's tags."""

_TOLD = 10
"""Faulty lines that an answer names."""

_V1 = {"X-Influxdb-Version": "1.8.10", "X-Influxdb-Build": "Penstock"}
"""Clients look for a version of InfluxDB's, to see what they can ask for."""

_CODES = {
    400: "invalid",
    401: "unauthorized",
    408: "request timeout",
    413: "request too large",
    415: "unsupported media type",
    503: "unavailable",
}
"""The words of InfluxDB 2 for statuses."""


def routes(intake: Intake) -> Iterator[Route]:
    """Both ways of writing, and what clients ask before they do."""
    precision = {"precision": {"type": "string", "enum": sorted(PRECISIONS)}}
    for path, words, schema in (("/write", _v1, "Error"), ("/api/v2/write", _v2, "InfluxError")):
        own = ("db", "rp") if words is _v1 else ("org", "bucket")
        yield Route(
            "POST",
            path,
            partial(_receive, intake, words),
            "Write lines of Influx' line protocol.",
            {204: "All lines were taken.", 400: ("Some lines were not.", schema)},
            takes={TEXT: None},
            query=precision | {name: {"type": "string"} for name in own},
            words=words,
            wrong=(JSON, schema),
            credentials=_bearer,
        )
    yield Route(
        "GET", "/ping", _ping, "Whether this is here.", {204: "It is."}, words=_v1, open=True
    )
    yield Route(
        "GET", "/health", _health, "How it is.", {200: ("Well.", "Health")}, words=_v2, open=True
    )


def _v1(status: int, reason: str) -> web.Response:
    return json_answer(status, {"error": reason}, _V1)


def _v2(status: int, reason: str) -> web.Response:
    return json_answer(status, {"code": _CODES.get(status, "internal error"), "message": reason})


def _bearer(headers: Headers) -> Headers:
    """InfluxDB calls a bearer's token `Token`."""
    said = [
        f"Bearer {value[6:]}" if value[:6].lower() == "token " else value
        for value in headers.get("authorization", [])
    ]
    return headers | {"authorization": said} if said else headers


async def _receive(intake: Intake, words: Words, request: web.Request) -> web.Response:
    from aiohttp import web

    precision = _precision(request)
    async with intake.body(request) as (data, held):
        room = EXPANSION * intake.limit
        read = partial(
            read_lines,
            data,
            precision=precision,
            now=time.time_ns(),
            resource=RESOURCE,
            scope=SCOPE,
            room=room,
        )
        try:
            native, faulty, faults, texts = await beside(len(data), read)
        except OverflowError as error:
            raise too_large(room) from error
        if native is not None:
            await intake.pass_on(native, held)
    if texts:
        intake.texts.add(texts)
    if not faulty:
        return web.Response(status=204, headers=_V1)
    intake.faulty["influx"].add(faulty)
    reasons = "\n".join(reason for _, reason in faults[:_TOLD])
    partly = f"partial write: {reasons} dropped={faulty}" if native is not None else reasons
    return words(HTTPStatus.BAD_REQUEST, partly)


def _precision(request: web.Request) -> int:
    said = request.query.get("precision") or "ns"
    if said not in PRECISIONS:
        msg = f"expected a precision of {', '.join(PRECISIONS)}; found {said[:40]!r}"
        raise Turned(HTTPStatus.BAD_REQUEST, msg, "malformed")
    return PRECISIONS[said]


async def _ping(_: web.Request) -> web.Response:
    from aiohttp import web

    return web.Response(status=204, headers=_V1)


async def _health(_: web.Request) -> web.Response:
    about = {"name": "influxdb", "message": "ready for queries and writes", "status": "pass"}
    return json_answer(200, {**about, "checks": [], "version": f"penstock {version('penstock')}"})
