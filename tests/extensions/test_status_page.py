"""The status page."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from penstock.extensions._status_page import ComponentHealth, StatusPage, StatusSettings
from penstock.pipeline import Permanent, Retryable
from penstock.pipeline.status import Board, State, Status
from tests.kit import in_loop


def board() -> Board:
    """Two pipelines that share a receiver; everything is well."""
    board = Board()
    states = [board.open(place) for place in ("receiver in", "exporter a", "exporter b")]
    for state in states:
        state.live(Status.OK)
    receiver, a, b = states
    board.groups["pipeline:traces"] = {"receiver:in": receiver, "exporter:a": a}
    board.groups["pipeline:logs/eu"] = {"receiver:in": receiver, "exporter:b": b}
    return board


async def ask(
    board: Board, query: str = "", settings: StatusSettings | None = None, **health: Any
) -> tuple[int, dict[str, Any]]:
    """The code and the body of an answer."""
    page = StatusPage(settings or StatusSettings(), ComponentHealth(**health), board)
    answer = await page.answer(make_mocked_request("GET", f"/status{query}"))
    assert answer.text
    body: dict[str, Any] = json.loads(answer.text)
    return answer.status, body


def the(board: Board, place: str) -> State:
    """The state of what stands at `place`."""
    (state,) = board.at(place)
    return state


@in_loop
async def test_all_well_is_200_with_the_time_of_the_latest_change() -> None:
    status, body = await ask(board())
    assert status == 200
    assert body.keys() == {"start_time", "healthy", "status", "status_time"}
    assert (body["healthy"], body["status"]) == (True, "StatusOK")
    assert datetime.fromisoformat(body["status_time"]) <= datetime.now(UTC)
    assert body["start_time"].endswith("Z")


@pytest.mark.parametrize("query", ["?verbose", "?verbose=true"])
@in_loop
async def test_verbose_shows_pipelines_and_their_components(query: str) -> None:
    subject = board()
    the(subject, "exporter b").recoverable(Retryable("backend:4317: refused"))
    _, body = await ask(subject, query)
    parts = body["components"]
    assert parts.keys() == {"pipeline:traces", "pipeline:logs/eu"}
    assert parts["pipeline:traces"]["status"] == "StatusOK"
    failing = parts["pipeline:logs/eu"]["components"]["exporter:b"]
    assert failing["status"] == "StatusRecoverableError"
    assert failing["error"] == body["error"] == "backend:4317: refused"


@in_loop
async def test_verbose_can_be_the_default_and_declined() -> None:
    settings = StatusSettings(verbose=True)
    assert "components" in (await ask(board(), settings=settings))[1]
    assert "components" not in (await ask(board(), "?verbose=false", settings=settings))[1]


@in_loop
async def test_a_pipeline_is_asked_for_by_its_id() -> None:
    subject = board()
    the(subject, "exporter b").permanent(Permanent("no such index"))
    assert (await ask(subject, "?pipeline=traces"))[1]["status"] == "StatusOK"
    _, body = await ask(subject, "?pipeline=logs/eu&verbose")
    assert body["status"] == "StatusPermanentError"
    assert body["components"].keys() == {"receiver:in", "exporter:b"}


@pytest.mark.parametrize("pipeline", ["metrics", "extensions", "pipeline:traces"])
@in_loop
async def test_a_pipeline_that_is_not_there_is_404(pipeline: str) -> None:
    assert (await ask(board(), f"?pipeline={pipeline}"))[0] == 404


@pytest.mark.parametrize(
    ("status", "code", "healthy"),
    [
        (Status.STARTING, 503, True),
        (Status.STOPPING, 503, True),
        (Status.STOPPED, 503, True),
        (Status.RECOVERABLE_ERROR, 200, True),
        (Status.PERMANENT_ERROR, 200, True),
        (Status.FATAL_ERROR, 500, False),
    ],
)
@in_loop
async def test_each_status_has_its_code(status: Status, code: int, healthy: bool) -> None:
    subject = board()
    state = the(subject, "exporter a")
    state.report = replace(state.report, status=status)
    answer, body = await ask(subject)
    assert (answer, body["healthy"]) == (code, healthy)


@in_loop
async def test_permanent_errors_count_when_they_are_included() -> None:
    subject = board()
    the(subject, "exporter a").permanent(Permanent("no such index"))
    assert (await ask(subject, include_permanent_errors=True))[0] == 500


@in_loop
async def test_recoverable_errors_count_when_included_and_only_after_their_time() -> None:
    subject = board()
    state = the(subject, "exporter a")
    state.recoverable(Retryable("refused"))
    included: dict[str, Any] = {"include_recoverable_errors": True, "recovery_duration": "5m"}
    assert (await ask(subject, **included))[0] == 200
    state.report = replace(state.report, moment=state.report.moment - 301)
    state.recoverable(Retryable("refused again"))
    assert (await ask(subject, **included))[0] == 500
    state.ok()
    assert (await ask(subject, **included))[0] == 200


@in_loop
async def test_the_error_that_counts_is_the_one_that_is_shown() -> None:
    subject = board()
    the(subject, "exporter a").permanent(Permanent("no such index"))
    the(subject, "exporter b").recoverable(Retryable("refused"))
    assert (await ask(subject))[1]["error"] == "no such index"
    shown = await ask(subject, include_recoverable_errors=True)
    assert (shown[0], shown[1]["error"]) == (500, "refused")
