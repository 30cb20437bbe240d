"""Metrics, events and logs in JSON, in a form of Penstock's own."""

from __future__ import annotations

import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from penstock._kernel import MalformedPayload, read_items
from penstock.pipeline import Signal
from penstock.receivers._posts import Turned, beside
from penstock.receivers._push_bodies import SCOPE, json_answer, malformed
from penstock.receivers._push_routes import JSON, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from penstock.receivers._push_bodies import Intake

    Sort = Literal["metrics", "logs", "events"]

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

_SORTS: dict[Sort, tuple[Signal, str, str]] = {
    "metrics": (Signal.METRICS, "Metric", "Metrics"),
    "logs": (Signal.LOGS, "Log", "Logs"),
    "events": (Signal.LOGS, "Event", "Events"),
}


def routes(intake: Intake, signals: frozenset[Signal]) -> Iterator[Route]:
    """A path for each sort of item that there is a pipeline for."""
    for sort, (signal, schema, many) in _SORTS.items():
        if signal in signals:
            yield Route(
                "POST",
                f"/v1/push/{sort}",
                partial(_receive, intake, sort),
                f"Push {sort}: one, a list, or one a line.",
                {
                    202: ("Those that make sense were taken.", "Taken"),
                    400: ("None makes sense, or the body is no JSON.", "Untaken"),
                },
                takes={JSON: many, **dict.fromkeys(LINES, schema)},
                words=words,
                wrong=(JSON, "Error"),
            )


def words(status: int, reason: str) -> web.Response:
    """The reason in JSON."""
    return json_answer(status, {"error": reason})


async def _receive(intake: Intake, sort: Sort, request: web.Request) -> web.Response:
    lines = _has_lines(request)
    async with intake.body(request) as (data, held):
        now = time.time_ns()
        read = partial(read_items, sort, data, lines=lines, now=now, scope=SCOPE)
        try:
            native, faulty, faults = await beside(len(data), read)
        except MalformedPayload as error:
            raise malformed(error) from error
        taken = 0 if native is None else len(await intake.pass_on(native, held))
    if faulty:
        intake.faulty[sort].add(faulty)
    return _answer(taken, faulty, faults)


def _has_lines(request: web.Request) -> bool:
    """Whether each line is an item. Raises `Turned` for what is not said to be JSON: a page in a
    browser can post anything else to anywhere."""
    if request.content_type not in {JSON, *LINES}:
        msg = f"expected the Content-Type {JSON} or {LINES[0]}, found {request.content_type[:80]}"
        raise Turned(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, msg, "unsupported_media_type")
    return request.content_type in LINES


def _answer(taken: int, faulty: int, faults: list[tuple[int, str]]) -> web.Response:
    status = HTTPStatus.BAD_REQUEST if faulty and not taken else HTTPStatus.ACCEPTED
    told: list[dict[str, Any]] = [{"index": index, "reason": why} for index, why in faults]
    return json_answer(status, {"accepted": taken, "rejected": faulty, "errors": told})
