"""A server that is told to stop answers what it has begun, and takes nothing more."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc
import pytest
from h2.errors import ErrorCodes

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import spans
from tests.receivers.clients import (
    GrpcSender,
    HttpSender,
    connect,
    read_to_end,
    send_grpc,
    send_http,
)
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, framed
from tests.receivers.serving import PATIENCE, Server, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACES = GRPC_METHODS[Signal.TRACES]


@contextmanager
def stopping(server: Server, grace: float = PATIENCE) -> Iterator[threading.Thread]:
    """Stop the intake in a thread, which ends when it has stopped."""
    thread = threading.Thread(target=server.intake.stop, args=(grace,))
    thread.start()
    eventually(lambda: not listens(server))
    yield thread
    thread.join(PATIENCE)
    assert not thread.is_alive()


def listens(server: Server) -> bool:
    """Whether any port takes connections."""
    for port in server.ports:
        try:
            connect(port).close()
        except (ConnectionRefusedError, ConnectionResetError):  # the latter while it closes
            continue
        return True
    return False


def test_requests_that_wait_for_their_verdict_are_answered_first(server: Server) -> None:
    server.judge = server.hold
    with ThreadPoolExecutor(2) as threads:
        over_grpc = threads.submit(send_grpc, server, spans(1))
        groups = [server.next_held()]
        over_http = threads.submit(send_http, server, spans(1))
        groups.append(server.next_held())
        with stopping(server) as stop:
            assert stop.is_alive()
            for group in groups:
                server.accept(group)
        assert over_grpc.result().code is grpc.StatusCode.OK
        assert over_http.result().status == 200


def test_a_request_on_its_way_is_received_and_answered(server: Server) -> None:
    data = framed(spans(1).to_otlp())
    with H2Sender(server.port) as sender:
        stream = sender.open(TRACES, *GRPC_HEAD)
        sender.push(stream, data[:10])
        assert sender.request("/", b"", ("content-type", "text/plain")).is_whole
        with stopping(server):
            sender.push(stream, data[10:], end=True)
            assert sender.wait(stream).grpc_code == 0
    server.tell(1)


def test_http2_clients_are_told_to_go_away_without_an_error(server: Server) -> None:
    server.judge = server.hold
    with H2Sender(server.port) as sender:
        stream = sender.open(TRACES, *GRPC_HEAD)
        sender.push(stream, framed(spans(1).to_otlp()), end=True)
        group = server.next_held()
        with stopping(server):
            while sender.goaway is None:
                sender.receive()
            server.accept(group)
            assert sender.wait(stream).grpc_code == 0
    assert sender.goaway == ErrorCodes.NO_ERROR
    server.tell(1)


@pytest.mark.parametrize("said", [b"", b"PRI * HT"])
def test_clients_that_ask_nothing_do_not_delay_the_stop(server: Server, said: bytes) -> None:
    with (
        connect(server.port) as silent,
        HttpSender(server.port) as idle,
        GrpcSender(server.port) as idle_grpc,
    ):
        silent.sendall(said)
        assert idle.send(server, spans(1)).status == 200
        assert idle_grpc.send(server, spans(1)).code is grpc.StatusCode.OK
        began = time.monotonic()
        server.intake.stop(PATIENCE)
        assert time.monotonic() - began < PATIENCE / 2
        assert read_to_end(silent) == b""


def test_a_sender_that_gets_no_verdict_holds_the_stop_up_for_the_grace_only(
    server: Server,
) -> None:
    server.judge = server.hold
    with GrpcSender(server.port) as sender:
        call = sender.begin(TRACES, spans(1).to_otlp())
        group = server.next_held()
        server.intake.stop(0.1)
        with pytest.raises(grpc.RpcError) as error:
            call.result()
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    group.reject("nobody hears this")


HEAD = b"POST %s HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (HEAD % b"/v1/traces", b""),
        (HEAD % b"/v1/traces" + b"\r\n" + bytes(10), b""),
        (HEAD % b"/elsewhere" + b"\r\n" + bytes(10), b"HTTP/1.1 404 Not Found"),
    ],
    ids=["head", "body", "refused body"],
)
def test_a_sender_that_never_ends_holds_the_stop_up_for_the_grace_only(
    server: Server, said: bytes, answer: bytes
) -> None:
    with connect(server.port) as slow:
        slow.sendall(said)
        # Its request has begun once another's is answered.
        assert send_http(server, spans(1)).status == 200
        server.intake.stop(0.1)
        assert read_to_end(slow).partition(b"\r\n")[0] == answer
