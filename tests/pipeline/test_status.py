"""How components are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from penstock.pipeline import Permanent, Refused, Retryable
from penstock.pipeline.runner import Running
from penstock.pipeline.status import (
    MAX_ERROR,
    Board,
    Report,
    State,
    Status,
    WatchedState,
    summary,
)
from tests.kit import (
    Backend,
    GivenBackend,
    Hold,
    Source,
    eventually,
    in_loop,
    points,
    service,
    spans,
    wire,
)

if TYPE_CHECKING:
    from penstock.pipeline import Consume


def at_work() -> State:
    """The state of a component that has started."""
    state = State()
    state.live(Status.OK)
    return state


def test_an_error_lasts_until_something_succeeds() -> None:
    state = at_work()
    state.recoverable(Retryable("refused"))
    assert (state.report.status, state.report.error) == (Status.RECOVERABLE_ERROR, "refused")
    state.permanent(Permanent("no such index"))
    assert (state.report.status, state.report.error) == (Status.PERMANENT_ERROR, "no such index")
    state.ok()
    assert (state.report.status, state.report.error) == (Status.OK, None)


def test_an_error_that_comes_again_counts_from_the_first_time_with_the_latest_words() -> None:
    state = at_work()
    state.recoverable(Retryable("refused"))
    first = state.report
    state.recoverable(Retryable("no answer"))
    assert state.report == replace(first, error="no answer")


def test_success_changes_nothing_where_all_is_well() -> None:
    state = at_work()
    before = state.report
    state.ok()
    assert state.report is before


@pytest.mark.parametrize("life", [Status.STARTING, Status.STOPPING, Status.STOPPED])
def test_what_starts_or_stops_is_no_error(life: Status) -> None:
    state = State()
    state.live(life)
    state.recoverable(Retryable("refused"))
    state.permanent(Permanent("no such index"))
    state.ok()
    assert state.report.status is life


def test_who_watches_a_part_is_told_of_its_troubles_and_of_their_end() -> None:
    told: list[Status] = []
    part = WatchedState(lambda: told.append(part.report.status))
    part.ok()
    part.recoverable("down")
    part.permanent("gone")
    part.ok()
    part.ok()
    assert told == [Status.RECOVERABLE_ERROR, Status.PERMANENT_ERROR, Status.OK]


def test_what_is_fatal_stays_so() -> None:
    state = at_work()
    state.fatal(Permanent("no memory"))
    state.ok()
    state.recoverable(Retryable("refused"))
    state.live(Status.STOPPED)
    assert (state.report.status, state.report.error) == (Status.FATAL_ERROR, "no memory")


def test_an_error_that_is_not_ours_is_only_named_for_it_may_quote_anything() -> None:
    state = at_work()
    state.permanent(ValueError("password hunter2"))
    assert state.report.error == "ValueError, see the log"


def test_an_error_is_one_bounded_line() -> None:
    state = at_work()
    state.recoverable(Retryable("first\nsecond" + "x" * 10_000))
    error = state.report.error or ""
    assert error.startswith("first\\nsecond")
    assert len(error) <= MAX_ERROR + 1


def test_a_place_can_have_several_states() -> None:
    board = Board()
    states = [board.open("exporter otlp"), board.open("exporter otlp")]
    board.live("exporter otlp", Status.OK)
    board.live("the metrics page", Status.OK)
    assert [state.report.status for state in states] == [Status.OK, Status.OK]
    assert board.at("exporter otlp") == states
    assert board.at("the metrics page") == ()


S = Status


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([S.OK, S.OK], S.OK),
        ([S.STOPPED, S.STOPPED], S.STOPPED),
        ([S.OK, S.STOPPED], S.STOPPING),
        ([S.RECOVERABLE_ERROR, S.STARTING], S.STARTING),
        ([S.PERMANENT_ERROR, S.STOPPING], S.STOPPING),
        ([S.STARTING, S.FATAL_ERROR, S.STOPPING], S.FATAL_ERROR),
        ([S.RECOVERABLE_ERROR, S.PERMANENT_ERROR, S.OK], S.PERMANENT_ERROR),
    ],
)
def test_the_most_serious_status_stands_for_all(parts: list[Status], whole: Status) -> None:
    assert summary(map(Report, parts)).status is whole


def test_what_counts_as_unhealthy_comes_first() -> None:
    parts = [Report(S.PERMANENT_ERROR), Report(S.RECOVERABLE_ERROR)]
    assert summary(parts, recoverable_first=True) is parts[1]


@pytest.mark.parametrize(("status", "chosen"), [(S.OK, 1), (S.RECOVERABLE_ERROR, 0)])
def test_errors_count_from_the_first_and_success_from_the_last(status: Status, chosen: int) -> None:
    parts = [Report(status, moment=1.0), Report(status, moment=2.0)]
    assert summary(reversed(parts)) is parts[chosen]


def patient(backend: Backend, **queue: object) -> GivenBackend:
    """Settings with quick retries that do not end."""
    retry = {"initial_interval": "1ms", "max_interval": "1ms", "max_elapsed_time": "0"}
    return GivenBackend.model_validate(
        {"component": backend, "retry_on_failure": retry, "sending_queue": queue}
    )


def statuses(board: Board) -> dict[str, Status]:
    """The status of every component of every group."""
    return {
        f"{group} {name}": state.report.status
        for group, states in board.groups.items()
        for name, state in states.items()
    }


@in_loop
async def test_every_component_of_a_running_service_is_shown_where_it_stands() -> None:
    settings = wire(
        "traces: in -> hold -> out",
        "metrics: in -> out",
        in_=Source(),
        hold=Hold(),
        out=patient(Backend()),
    )
    async with service(settings) as running:
        assert statuses(running.board) == dict.fromkeys(
            [
                "pipeline:traces receiver:in",
                "pipeline:traces processor:hold",
                "pipeline:traces exporter:out",
                "pipeline:metrics receiver:in",
                "pipeline:metrics exporter:out",
            ],
            Status.OK,
        )
    assert set(statuses(running.board).values()) == {Status.STOPPED}


@in_loop
async def test_components_start_and_stop_one_after_the_other() -> None:
    seen: list[dict[str, Status]] = []

    class Witness(Source):
        async def start(self, consume: Consume) -> None:
            seen.append(statuses(running.board))
            await super().start(consume)

        async def stop(self) -> None:
            seen.append(statuses(running.board))

    running = Running(wire("traces: in -> out", in_=Witness(), out=Backend()))
    async with running:
        pass
    receiver, exporter = "pipeline:traces receiver:in", "pipeline:traces exporter:out"
    assert seen == [
        {receiver: Status.STARTING, exporter: Status.OK},
        {receiver: Status.STOPPING, exporter: Status.OK},
    ]


@in_loop
async def test_an_exporter_is_in_trouble_while_its_attempts_fail_each_signal_by_itself() -> None:
    source, backend = Source(), Backend()
    backend.down = Retryable("backend:4317: refused")
    settings = wire("traces: in -> out", "metrics: in -> out", in_=source, out=patient(backend))
    async with service(settings) as running:
        traces = running.board.groups["pipeline:traces"]["exporter:out"]
        metrics = running.board.groups["pipeline:metrics"]["exporter:out"]
        await source.send(spans(1))
        await eventually(lambda: traces.report.status is Status.RECOVERABLE_ERROR)
        assert traces.report.error == "backend:4317: refused"
        assert metrics.report.status is Status.OK
        backend.down = None
        await eventually(lambda: traces.report.status is Status.OK)
        backend.script.append(ValueError("secret"))
        await source.send(points(1))
        await eventually(lambda: metrics.report.status is Status.PERMANENT_ERROR)
        assert metrics.report.error == "ValueError, see the log"
        assert traces.report.status is Status.OK


@in_loop
async def test_a_full_queue_is_an_error_of_its_exporter() -> None:
    answer = asyncio.Event()
    source, backend = Source(), Backend(answer)
    settings = wire("traces: in -> out", in_=source, out=patient(backend, queue_size=1))
    async with service(settings) as running:
        state = running.board.groups["pipeline:traces"]["exporter:out"]
        await source.send(spans(1))
        with pytest.raises(Refused):
            await source.send(spans(1))
        assert state.report.error == "sending queue is full"
        answer.set()
        await eventually(lambda: state.report.status is Status.OK)
