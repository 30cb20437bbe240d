"""Credentials are asked about once, in the event loop, and what was said holds until it changes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from penstock.pipeline import Refused, Signal, Unauthenticated
from penstock.pipeline.auth import ServerAuthenticator
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import context, eventually, in_loop, spans
from tests.receivers.clients import PROTOBUF, Answer, connect, post, read_response
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, Stream, framed
from tests.receivers.test_otlp import Stage, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from penstock.receivers.otlp import Otlp

SPAN = spans(1).to_otlp()
WAITING = 512
"""Credentials that may wait for a ruling."""


class Host(ServerAuthenticator):
    """Lets in who is on the list, once the door is open; remembers who asked."""

    credentials: ClassVar[Any] = frozenset({"authorization", "x-tenant"})
    challenge: ClassVar[Any] = "Door"
    trust: ClassVar[float | None] = None

    def __init__(self, *guests: str) -> None:
        super().__init__()
        self.guests = {*guests}
        self.asked: list[str] = []
        self.fault: Exception | None = None
        self.door = asyncio.Event()
        self.door.set()

    async def authenticate(self, headers: Mapping[str, Sequence[str]]) -> None:
        who = ",".join(headers["authorization"]) + "".join(headers["x-tenant"])
        self.asked.append(who)
        welcome = who in self.guests
        await self.door.wait()
        if self.fault:
            raise self.fault
        if not welcome:
            raise Unauthenticated


class Forgetful(Host):
    """Asks again soon."""

    trust = 0.05


@asynccontextmanager
async def guarded(host: Host, **grpc: Any) -> AsyncIterator[Otlp]:
    """A receiver that asks `host` at its HTTP address; `grpc` are settings of the other one."""
    protocols = {
        "http": {"endpoint": "127.0.0.1:0", "auth": {"authenticator": "host"}},
        "grpc": {"endpoint": "127.0.0.1:0", **grpc},
    }
    async with (
        context("otlp", extensions={"host": host}) as given,
        running(given, Stage().consume, protocols=protocols) as receiver,
    ):
        yield receiver


async def ask(receiver: Otlp, who: str, **headers: str) -> Answer:
    """What a request over HTTP is told."""
    head = {"Authorization": who, **headers}
    return await asyncio.to_thread(post, receiver.ports["http"], "/v1/traces", SPAN, head)


async def statuses(receiver: Otlp, *who: str) -> list[int]:
    """What requests are told that come one after the other."""
    return [(await ask(receiver, name)).status for name in who]


@in_loop
async def test_credentials_are_asked_about_once_whatever_is_said_of_them() -> None:
    host = Host("anna")
    async with guarded(host) as receiver:
        answers = await statuses(receiver, *["anna", "berta"] * 5)
    assert answers == [200, 401] * 5
    assert host.asked == ["anna", "berta"]


@in_loop
async def test_who_sends_no_credentials_is_not_even_asked_about() -> None:
    host = Host("")
    async with guarded(host) as receiver:
        assert (await ask(receiver, "")).status == 401
    assert host.asked == []


@in_loop
async def test_every_value_of_every_header_that_counts_tells_requests_apart() -> None:
    host = Host("anna", "annaeu", "x,y", "xy")
    async with guarded(host) as receiver:
        assert (await ask(receiver, "anna")).status == 200
        assert (await ask(receiver, "anna", **{"X-Tenant": "eu"})).status == 200
        assert (await ask(receiver, "anna", **{"X-Tenant": "us"})).status == 401
        assert (await ask(receiver, "ann", **{"X-Tenant": "a"})).status == 200
        with H2Sender(receiver.ports["http"]) as sender:
            for headers in (["x", "y"], ["y", "x"], ["x,y"]):
                stream = await asyncio.to_thread(twice, sender, *headers)
                assert stream.headers[":status"] == ("401" if headers == ["y", "x"] else "200")
    assert host.asked == ["anna", "annaeu", "annaus", "anna", "x,y", "y,x", "x,y"]


def twice(sender: H2Sender, *values: str) -> Stream:
    """A request with several of a header."""
    head = [("content-type", PROTOBUF), *(("authorization", value) for value in values)]
    return sender.request("/v1/traces", SPAN, *head)


@in_loop
async def test_requests_that_come_together_with_the_same_credentials_are_one_question() -> None:
    host = Host("anna")
    host.door.clear()
    async with guarded(host) as receiver:
        asking = asyncio.gather(*(ask(receiver, "anna") for _ in range(5)))
        await eventually(lambda: host.asked)
        host.door.set()
        assert {answer.status for answer in await asking} == {200}
    assert host.asked == ["anna"]


@in_loop
async def test_a_change_makes_void_what_was_said_and_what_is_about_to_be() -> None:
    host = Host("anna")
    async with guarded(host) as receiver:
        assert await statuses(receiver, "anna", "berta") == [200, 401]
        host.guests = {"berta"}
        host.changed()
        assert await statuses(receiver, "anna", "berta") == [401, 200]

        host.guests, host.asked = {"clara"}, []
        host.door.clear()
        host.changed()
        asking = asyncio.ensure_future(ask(receiver, "clara"))
        await eventually(lambda: host.asked)
        host.guests = set()
        host.changed()
        assert (await asking).status == 503, "she may ask again, and be told by the new list"
        host.door.set()
        assert await statuses(receiver, "clara") == [401]
    assert host.asked == ["clara", "clara"]


@in_loop
async def test_trust_ends() -> None:
    host = Forgetful("anna")
    async with guarded(host) as receiver:
        async with asyncio.timeout(5):
            while len(host.asked) < 2:
                assert await statuses(receiver, "anna") == [200]


@in_loop
async def test_who_is_asked_about_too_long_is_told_to_try_again_and_then_known() -> None:
    host = Host("anna")
    host.door.clear()
    async with guarded(host) as receiver:
        answer = await ask(receiver, "anna")
        assert answer.status == 503
        assert answer.headers["retry-after"] == "1"
        host.door.set()
        assert await statuses(receiver, "anna") == [200]
    assert host.asked == ["anna"]


@in_loop
async def test_more_than_can_wait_are_told_to_try_again_at_once() -> None:
    host = Host("last")
    host.door.clear()
    grpc = {"auth": {"authenticator": "host"}, "max_concurrent_streams": WAITING + 1}
    async with guarded(host, **grpc) as receiver:
        with H2Sender(receiver.ports["grpc"]) as sender:
            last = await asyncio.to_thread(crowd, sender)
            assert last.headers[":status"] == "503"
            assert len(host.asked) <= WAITING
            assert "last" not in host.asked
        host.door.set()


def crowd(sender: H2Sender) -> Stream:
    """Ask with as many credentials as may wait, and with one more."""
    for number in range(WAITING):
        head = [("content-type", PROTOBUF), ("authorization", f"guest {number}")]
        sender.open("/v1/traces", *head)
    return twice(sender, "last")


@pytest.mark.parametrize("fault", [Refused("busy"), ValueError("anna's s3cr3t")])
@in_loop
async def test_an_authenticator_that_fails_lets_nobody_in_and_shows_no_secret(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host("anna")
    host.fault = fault
    async with guarded(host) as receiver:
        assert await statuses(receiver, "anna") == [503]
        host.fault = None
        assert await statuses(receiver, "anna") == [200]
    assert "s3cr3t" not in caplog.text
    assert ("ValueError" in caplog.text) == isinstance(fault, ValueError)


@in_loop
async def test_a_stranger_is_answered_before_the_body_is_there() -> None:
    async with guarded(Host()) as receiver:
        head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nAuthorization: x\r\nContent-Length: 999\r\n"
        for more in (b"\r\n", b"Expect: 100-continue\r\n\r\n"):
            assert (await asyncio.to_thread(answer_to, receiver.ports["http"], head + more)) == 401
        with H2Sender(receiver.ports["http"]) as sender:
            stream = sender.open(GRPC_METHODS[Signal.TRACES], *GRPC_HEAD, ("authorization", "x"))
            answer = await asyncio.to_thread(sender.wait, stream)
            assert answer.grpc_code == 16


def answer_to(port: int, head: bytes) -> int:
    """The status that a request's head alone is answered with."""
    with connect(port) as connection:
        connection.sendall(head)
        return read_response(connection).status


@in_loop
async def test_paths_and_methods_are_nothing_that_a_stranger_could_learn() -> None:
    async with guarded(Host()) as receiver:
        port = receiver.ports["http"]
        for request in (b"POST /nowhere", b"GET /v1/traces"):
            head = request + b" HTTP/1.1\r\nHost: x\r\n\r\n"
            assert (await asyncio.to_thread(answer_to, port, head)) == 401


@in_loop
async def test_a_refusal_says_how_to_ask_in_the_words_of_the_sender() -> None:
    async with guarded(Host()) as receiver:
        answer = await ask(receiver, "x")
        assert answer.headers["www-authenticate"] == "Door"
        assert answer.error.code == 16
        assert answer.error.message == "the request has no credentials that are accepted here"
        with H2Sender(receiver.ports["http"]) as sender:
            stream = await asyncio.to_thread(
                sender.grpc, Signal.TRACES, framed(SPAN), ("authorization", "x")
            )
        assert stream.headers["grpc-message"] == answer.error.message
        assert "grpc-status-details-bin" not in stream.headers, "it would ask for a repetition"


@in_loop
async def test_an_address_without_auth_and_the_health_check_are_open() -> None:
    async with guarded(Host()) as receiver:
        open_port = receiver.ports["grpc"]
        assert (await asyncio.to_thread(post, open_port, "/v1/traces", SPAN)).status == 200
        with H2Sender(receiver.ports["http"]) as sender:
            stream = await asyncio.to_thread(
                sender.request, "/grpc.health.v1.Health/Check", framed(b""), *GRPC_HEAD
            )
        assert stream.grpc_code == 0


@in_loop
async def test_addresses_with_the_same_authenticator_share_what_was_said() -> None:
    host = Host("anna")
    address = {"endpoint": "127.0.0.1:0", "auth": {"authenticator": "host"}}
    async with (
        context("otlp", extensions={"host": host}) as given,
        running(given, Stage().consume, protocols={"grpc": address, "http": address}) as receiver,
    ):
        for port in receiver.ports.values():
            head = {"Authorization": "anna"}
            answer = await asyncio.to_thread(post, port, "/v1/traces", SPAN, head)
            assert answer.status == 200
    assert host.asked == ["anna"]
    assert host._followers == [], "a receiver that has stopped follows nobody"
