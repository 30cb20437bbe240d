"""A client that goes away is counted, and nobody else notices."""

from __future__ import annotations

import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from h2.errors import ErrorCodes

from penstock.pipeline import Batch, Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import names, spans
from tests.receivers.clients import (
    GrpcSender,
    HttpSender,
    connect,
    read_response,
    send_grpc,
    send_http,
)
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, framed
from tests.receivers.serving import Server, eventually

BODY = spans(1, "gone").to_otlp()
TRACES = GRPC_METHODS[Signal.TRACES]


def request(body: bytes = BODY, length: int = len(BODY)) -> bytes:
    """A POST of traces, of which only `body` is sent."""
    lines = ["POST /v1/traces HTTP/1.1", "Content-Type: application/x-protobuf"]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode() + body


def reset(connection: socket.socket) -> None:
    """Close a connection by a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("close", [socket.socket.close, reset], ids=["closed", "reset"])
def test_an_http_client_that_vanishes_within_a_body_is_counted(
    server: Server, close: object
) -> None:
    assert callable(close)
    with HttpSender(server.port) as other:
        connection = connect(server.port)
        connection.sendall(request(BODY[:10]))
        assert other.request("/v1/traces", spans(2).to_otlp()).status == 200
        server.tell(2)
        close(connection)
        eventually(lambda: server.counted("disconnected") == 1)
        assert other.request("/v1/traces", spans(2).to_otlp()).status == 200
        server.tell(2)


def test_a_client_that_ends_within_a_body_and_still_listens_is_told(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(request(BODY[:10]))
        connection.shutdown(socket.SHUT_WR)
        answer = read_response(connection)
    assert (answer.status, answer.error.message) == (400, "the body ended early")
    assert server.counted("disconnected") == 1


def test_a_client_that_vanishes_within_a_head_harms_nobody(server: Server) -> None:
    connect(server.port).close()
    with connect(server.port) as connection:
        connection.sendall(request()[:20])
    assert send_http(server, spans(1)).status == 200
    assert server.counted("connections") == 3


def test_a_grpc_client_that_vanishes_within_a_message_is_counted(server: Server) -> None:
    with H2Sender(server.port) as sender:
        sender.push(sender.open(TRACES, *GRPC_HEAD), framed(BODY)[:10])
        assert send_grpc(server, spans(2)).code is grpc.StatusCode.OK
    eventually(lambda: server.counted("disconnected") == 1)


@pytest.mark.parametrize("code", [ErrorCodes.CANCEL, ErrorCodes.NO_ERROR])
def test_a_call_cancelled_within_its_message_is_counted_and_its_connection_lives(
    server: Server, code: ErrorCodes
) -> None:
    with H2Sender(server.port) as sender:
        stream = sender.open(TRACES, *GRPC_HEAD)
        sender.push(stream, framed(BODY)[:10])
        sender.protocol.reset_stream(stream, code)
        assert sender.grpc(Signal.TRACES, framed(BODY)).grpc_code == 0
    server.tell(1)
    eventually(lambda: server.counted("disconnected") == 1)


def test_an_http_client_that_does_not_wait_for_its_verdict_is_counted(server: Server) -> None:
    server.judge = server.hold
    with connect(server.port) as connection:
        connection.sendall(request())
        group = server.next_held()
    eventually(lambda: server.counted("disconnected") == 1)
    server.accept(group)
    server.unheard = 1


def test_a_call_cancelled_before_its_verdict_is_counted(server: Server) -> None:
    server.judge = server.hold
    with GrpcSender(server.port) as sender:
        call = sender.begin(TRACES, BODY)
        group = server.next_held()
        call.cancel()
        eventually(lambda: server.counted("disconnected") == 1)
    server.accept(group)
    server.unheard = 1


def test_one_that_vanishes_takes_none_of_its_group_with_it(server: Server) -> None:
    server.judge = server.hold
    stay: list[Batch] = [spans(1, f"stays {number}") for number in range(4)]
    with ThreadPoolExecutor(4) as threads, connect(server.port) as connection:
        connection.sendall(request())
        answers = [threads.submit(send_grpc, server, batch) for batch in stay]
        groups = [server.next_held()]
        while sum(len(group.batch) for group in groups) < 5:
            groups.append(server.next_held())
        reset(connection)
        eventually(lambda: server.counted("disconnected") == 1)
        for group in groups:
            server.accept(group)
        assert {answer.result().code for answer in answers} == {grpc.StatusCode.OK}
    server.unheard = 1
    assert sorted(names(server.accepted)) == ["gone 0", *names(stay)]
