"""The `otlp` receiver: its settings, its start and stop, and what its senders are told."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pydantic import ValidationError

from penstock.config.types import HostPort
from penstock.pipeline import Batch, Context, Invalid, Refused, Signal, StartError
from penstock.receivers._listener import MIB
from penstock.receivers.otlp import GRPC_METHODS, Config, Otlp
from tests.kit import context, eventually, in_loop, names, points, records, spans
from tests.receivers.clients import Answer, GrpcAnswer, GrpcSender, post
from tests.receivers.test_otlp_verdicts import retry_delay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.pipeline import Consume

LOCAL: dict[str, Any] = {
    "grpc": {"endpoint": "127.0.0.1:0"},
    "http": {"endpoint": "127.0.0.1:0"},
}


class Stage:
    """What comes after the receiver: it keeps every batch, or raises what it is told to."""

    def __init__(self) -> None:
        self.got: list[Batch] = []
        self.answer: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def consume(self, batch: Batch) -> None:
        """Take a batch, once the stage is open."""
        await self.open.wait()
        if self.answer:
            raise self.answer
        self.got.append(batch)


@asynccontextmanager
async def running(given: Context, consume: Consume, **settings: Any) -> AsyncIterator[Otlp]:
    """A started receiver on free ports of this machine."""
    receiver = Config.model_validate({"protocols": LOCAL, **settings}).build(given)
    assert isinstance(receiver, Otlp)
    await receiver.start(consume)
    try:
        yield receiver
    finally:
        await receiver.stop()


async def over_http(receiver: Otlp, batch: Batch, path: str | None = None) -> Answer:
    """Send a batch by HTTP."""
    path = path or f"/v1/{batch.signal}"
    return await asyncio.to_thread(post, receiver.ports["http"], path, batch.to_otlp())


async def over_grpc(receiver: Otlp, batch: Batch) -> GrpcAnswer:
    """Send a batch by gRPC."""

    def call() -> GrpcAnswer:
        with GrpcSender(receiver.ports["grpc"]) as sender:
            return sender.call(GRPC_METHODS[batch.signal], batch.to_otlp())

    return await asyncio.to_thread(call)


def test_a_protocol_that_is_named_is_served_with_the_collectors_defaults() -> None:
    protocols = Config.model_validate({"protocols": {"grpc": None, "http": None}}).protocols
    assert protocols.grpc
    assert protocols.http
    assert protocols.grpc.endpoint == HostPort("localhost", 4317)
    assert protocols.http.endpoint == HostPort("localhost", 4318)
    assert [protocols.http.path(signal) for signal in Signal] == [
        "/v1/traces",
        "/v1/metrics",
        "/v1/logs",
    ]
    assert Config.model_validate({"protocols": {"http": {}}}).protocols.grpc is None


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "protocols"),
        ({"protocols": {}}, "at least one of grpc and http"),
        ({"protocols": {"thrift": {}}}, "thrift"),
        ({"protocols": {"grpc": {"port": 4317}}}, "port"),
        ({"protocols": {"grpc": {"endpoint": "4317"}}}, "expected an address"),
        ({"protocols": {"grpc": {"max_recv_msg_size_mib": 0}}}, "max_recv_msg_size_mib"),
        ({"protocols": {"grpc": {"max_recv_msg_size_mib": 2048}}}, "max_recv_msg_size_mib"),
        ({"protocols": {"http": {"max_request_body_size": 0}}}, "max_request_body_size"),
        ({"protocols": {"http": {"traces_url_path": "/v1 /traces"}}}, "expected a URL path"),
        ({"protocols": LOCAL, "admission": {"request_limit_mib": 0}}, "request_limit_mib"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(settings)


@pytest.mark.parametrize("batch", [spans(3), points(3), records(3)], ids=lambda b: b.signal)
@in_loop
async def test_every_signal_arrives_by_both_protocols(batch: Batch) -> None:
    stage = Stage()
    async with context() as given, running(given, stage.consume) as receiver:
        assert (await over_grpc(receiver, batch)).code is grpc.StatusCode.OK
        assert (await over_http(receiver, batch)).status == 200
    assert [got.to_otlp() for got in stage.got] == [batch.to_otlp()] * 2


@in_loop
async def test_senders_are_answered_only_when_the_next_stage_has_their_items() -> None:
    stage = Stage()
    stage.open.clear()
    async with context() as given, running(given, stage.consume) as receiver:
        answers = [asyncio.ensure_future(over_http(receiver, spans(1, f"{n}"))) for n in range(3)]
        done, _ = await asyncio.wait(answers, timeout=0.1)
        assert not done
        stage.open.set()
        assert {answer.status for answer in await asyncio.gather(*answers)} == {200}
    assert sorted(names(stage.got)) == ["0 0", "1 0", "2 0"]


@in_loop
async def test_senders_need_not_wait_where_the_next_stage_only_puts_batches_aside() -> None:
    stage = Stage()
    stage.open.clear()
    async with context(may_wait=False) as given, running(given, stage.consume) as receiver:
        assert (await over_http(receiver, spans(1, "http"))).status == 200
        assert (await over_grpc(receiver, spans(1, "grpc"))).code is grpc.StatusCode.OK
        assert stage.got == []
        stage.open.set()
    assert sorted(names(stage.got)) == ["grpc 0", "http 0"]
    assert given.books.problems() == []


@in_loop
async def test_a_refusal_reaches_the_sender_with_its_retry_time() -> None:
    stage = Stage()
    stage.answer = Refused("the queue is full", retry_after=2.5)
    async with context() as given, running(given, stage.consume) as receiver:
        by_grpc = await over_grpc(receiver, spans(1))
        assert (by_grpc.code, by_grpc.message) == (
            grpc.StatusCode.UNAVAILABLE,
            "the queue is full",
        )
        assert retry_delay(by_grpc.status) == 2.5
        by_http = await over_http(receiver, spans(1))
        assert (by_http.status, by_http.headers["retry-after"]) == (503, "3")
    assert stage.got == []


@in_loop
async def test_a_rejection_reaches_the_sender_as_final() -> None:
    stage = Stage()
    stage.answer = Invalid("no service.name")
    async with context() as given, running(given, stage.consume) as receiver:
        assert (await over_grpc(receiver, spans(1))).code is grpc.StatusCode.INVALID_ARGUMENT
        assert (await over_http(receiver, spans(1))).error.message == "no service.name"


@in_loop
async def test_only_the_signals_that_are_wired_are_received() -> None:
    stage = Stage()
    async with (
        context(signals=frozenset({Signal.LOGS})) as given,
        running(given, stage.consume) as receiver,
    ):
        assert (await over_grpc(receiver, spans(1))).code is grpc.StatusCode.UNIMPLEMENTED
        assert (await over_http(receiver, spans(1))).status == 404
        assert (await over_http(receiver, records(1))).status == 200


@in_loop
async def test_paths_and_limits_are_the_settings() -> None:
    stage = Stage()
    protocols = {
        "grpc": {"endpoint": "127.0.0.1:0", "max_recv_msg_size_mib": 1},
        "http": {
            "endpoint": "127.0.0.1:0",
            "max_request_body_size": 1000,
            "traces_url_path": "in/traces",
        },
    }
    async with context() as given, running(given, stage.consume, protocols=protocols) as receiver:
        assert (await over_http(receiver, spans(1), "/in/traces")).status == 200
        assert (await over_http(receiver, spans(1))).status == 404
        assert (await over_http(receiver, spans(1, "x" * 1000), "/in/traces")).status == 413
        large = await over_grpc(receiver, spans(1, "x" * MIB))
        assert large.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@in_loop
async def test_only_the_protocols_that_are_named_listen() -> None:
    async with (
        context() as given,
        running(given, Stage().consume, protocols={"http": LOCAL["http"]}) as receiver,
    ):
        assert {*receiver.ports} == {"http"}


@in_loop
async def test_an_address_in_use_stops_the_start_and_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with context("otlp/edge") as given:
            receiver = Config.model_validate({"protocols": {"grpc": {"endpoint": address}}})
            with pytest.raises(
                StartError, match=f"otlp/edge: cannot listen on {address}: .* in use"
            ):
                await receiver.build(given).start(Stage().consume)


@in_loop
async def test_it_stops_without_a_start_and_twice() -> None:
    async with context() as given:
        await Config.model_validate({"protocols": LOCAL}).build(given).stop()
        async with running(given, Stage().consume) as receiver:
            await receiver.stop()


@in_loop
async def test_what_waits_for_the_next_stage_is_answered_before_the_stop_returns() -> None:
    stage = Stage()
    stage.open.clear()
    async with context() as given, running(given, stage.consume) as receiver:
        answer = asyncio.ensure_future(over_grpc(receiver, spans(1)))
        await eventually(lambda: len(asyncio.all_tasks()) > 2)
        stop = asyncio.ensure_future(receiver.stop())
        assert not (await asyncio.wait([stop], timeout=0.05))[0]
        stage.open.set()
        await stop
        assert (await answer).code is grpc.StatusCode.OK


@in_loop
async def test_requests_turned_away_are_counted_by_reason() -> None:
    async with context("otlp/edge") as given, running(given, Stage().consume) as receiver:
        await over_http(receiver, spans(1), "/elsewhere")
        await over_http(receiver, spans(1))
    telemetry, name = given.telemetry, "penstock_receiver_turned_away_requests"
    assert telemetry.total(name, receiver="otlp/edge", reason="unknown_path") == 1
    assert telemetry.total(name) == 1
