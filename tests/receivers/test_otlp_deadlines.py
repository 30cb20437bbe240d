"""Clients have a time for everything, and a connection its age; who keeps to it notices nothing."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import grpc
import pytest
from h2.errors import ErrorCodes
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    SettingsFrame,
)

from penstock._kernel import Terms
from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import spans
from tests.receivers.clients import (
    PROTOBUF,
    GrpcSender,
    HttpSender,
    connect,
    read_response,
    read_to_end,
)
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, framed, whole_frames
from tests.receivers.serving import PATIENCE, eventually, serving
from tests.receivers.test_otlp_floods import HEAD, PREFACE

if TYPE_CHECKING:
    import socket

SHORT = 0.05
DEADLINE_EXCEEDED = 4
TRACES = GRPC_METHODS[Signal.TRACES]
HTTP1_HEAD = f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\n".encode()
SLOW = b"Content-Length: 1000\r\n\r\n"

HALVES = {
    "nothing": b"",
    "a letter": b"P",
    "half a head": HTTP1_HEAD,
    "half a preface": PREFACE[:20],
    "half a frame": PREFACE + HeadersFrame(1, HEAD).serialize()[:-4],
    "a head that goes on": PREFACE
    + HeadersFrame(1, HEAD).serialize()
    + ContinuationFrame(1, b"").serialize(),
    "half a ping": PREFACE + PingFrame(0, bytes(8)).serialize()[:12],
}


@pytest.mark.parametrize("said", HALVES.values(), ids=HALVES)
def test_who_does_not_complete_a_head_is_not_waited_for(said: bytes) -> None:
    with serving(terms=Terms(header_timeout=SHORT)) as server, connect(server.port) as connection:
        connection.sendall(said)
        read_to_end(connection)
        eventually(lambda: server.ended("header_timeout") == 1)


def test_a_head_has_its_time_anew_for_every_request() -> None:
    with serving(terms=Terms(header_timeout=SHORT)) as server:
        with HttpSender(server.port) as sender, connect(server.port) as slow:
            assert sender.send(server, spans(1)).status == 200
            slow.sendall(HTTP1_HEAD)
            assert read_to_end(slow) == b""
            assert sender.send(server, spans(1)).status == 200, "an idle connection has none"
        eventually(lambda: server.ended("header_timeout") == 1)


@pytest.mark.parametrize("said", [b"", b"some of it"])
def test_a_body_that_does_not_come_is_answered(said: bytes) -> None:
    with serving(terms=Terms(read_timeout=SHORT)) as server:
        with connect(server.port) as connection:
            connection.sendall(HTTP1_HEAD + SLOW + said)
            assert read_response(connection).status == 408
        with H2Sender(server.port) as sender:
            stream = sender.open(TRACES, *GRPC_HEAD)
            sender.push(stream, framed(said, length=1000))
            assert sender.wait(stream).grpc_code == DEADLINE_EXCEEDED
            assert sender.grpc(Signal.TRACES, framed(spans(1).to_otlp())).grpc_code == 0
        server.tell(1)
        assert server.counted("read_timeout") == 2


@pytest.mark.parametrize("over_http2", [False, True])
def test_idle_connections_end_in_order(over_http2: bool) -> None:
    with serving(terms=Terms(idle_timeout=SHORT)) as server:
        if over_http2:
            with H2Sender(server.port) as sender:
                assert sender.grpc(Signal.TRACES, framed(b"")).grpc_code == 0
                with suppress(ConnectionError):
                    while True:
                        sender.receive()
                assert sender.goaway == ErrorCodes.NO_ERROR
        else:
            with connect(server.port) as connection:
                connection.sendall(HTTP1_HEAD + b"Content-Length: 0\r\n\r\n")
                assert read_response(connection).status == 200
                assert read_to_end(connection) == b""
        eventually(lambda: server.ended("idle_timeout") == 1)


def test_a_connection_whose_sender_waits_is_not_idle() -> None:
    with serving(terms=Terms(idle_timeout=SHORT, header_timeout=SHORT)) as server:
        server.judge = server.hold
        with GrpcSender(server.port) as sender:
            call = sender.begin(TRACES, spans(1).to_otlp())
            group = server.next_held()
            with connect(server.port) as idle:
                read_to_end(idle)
            server.accept(group)
            assert call.exception() is None
        server.tell(1)


def test_answers_that_are_not_read_end_the_connection() -> None:
    """HTTP/2's way not to read is a window of 0."""
    no_window = SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}).serialize()
    head = Encoder().encode(
        [(":method", "POST"), (":scheme", "http"), (":path", TRACES), *GRPC_HEAD]
    )
    call = HeadersFrame(1, head, flags=["END_HEADERS"]).serialize()
    call += DataFrame(1, framed(b""), flags=["END_STREAM"]).serialize()
    with serving(terms=Terms(write_timeout=SHORT)) as server, connect(server.port) as connection:
        connection.sendall(PREFACE[:24] + no_window + call)
        read_to_end(connection)
        eventually(lambda: server.ended("write_timeout") == 1)


def test_a_client_that_reads_nothing_is_not_waited_for() -> None:
    request = b"GET /" + b"x" * 900 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(terms=Terms(write_timeout=SHORT)) as server, connect(server.port) as connection:
        connection.settimeout(0.2)
        with suppress(TimeoutError, ConnectionError):
            while True:
                connection.sendall(request * 100)
        eventually(lambda: server.ended("write_timeout") == 1)


def test_an_old_connection_takes_no_more_but_answers_what_is_open() -> None:
    with serving(terms=Terms(max_connection_age=SHORT)) as server, H2Sender(server.port) as sender:
        server.judge = server.hold
        stream = sender.open(TRACES, *GRPC_HEAD)
        sender.push(stream, framed(spans(1).to_otlp()), end=True)
        group = server.next_held()
        while sender.goaway is None:
            sender.receive()
        assert sender.goaway == ErrorCodes.NO_ERROR
        server.accept(group)
        assert sender.wait(stream).grpc_code == 0
        server.tell(1)
        eventually(lambda: server.ended("max_age") == 1)


def test_an_old_connection_ends_when_its_grace_is_over() -> None:
    terms = Terms(max_connection_age=SHORT, max_connection_age_grace=SHORT)
    with serving(terms=terms) as server, H2Sender(server.port) as sender:
        server.judge = server.hold
        stream = sender.open(TRACES, *GRPC_HEAD)
        sender.push(stream, framed(spans(1).to_otlp()), end=True)
        group = server.next_held()
        with pytest.raises(ConnectionError):
            sender.wait(stream)
        group.reject("nobody hears this")


def test_grpc_clients_do_not_notice_that_connections_have_an_age() -> None:
    terms = Terms(max_connection_age=SHORT)
    with serving(terms=terms) as server, GrpcSender(server.port) as sender:
        while server.ended("max_age") < 3:
            assert sender.send(server, spans(1)).code is grpc.StatusCode.OK


def pings_from(connection: socket.socket) -> int:
    """How many pings the server sends before it ends the connection."""
    said = whole_frames(bytearray(read_to_end(connection)))
    return sum(isinstance(frame, PingFrame) for frame in said)


def test_a_client_that_answers_no_ping_is_given_up() -> None:
    terms = Terms(ping_interval=SHORT, ping_timeout=SHORT)
    with serving(terms=terms) as server, connect(server.port) as connection:
        connection.sendall(PREFACE)
        assert pings_from(connection) == 1
        eventually(lambda: server.ended("keepalive_timeout") == 1)


def test_a_client_that_answers_pings_is_kept() -> None:
    terms = Terms(ping_interval=SHORT, ping_timeout=PATIENCE)
    with serving(terms=terms) as server, H2Sender(server.port) as sender:
        end = time.monotonic() + 4 * SHORT
        while time.monotonic() < end:
            sender.receive()
        assert sender.grpc(Signal.TRACES, framed(b"")).grpc_code == 0


def last_words(connection: socket.socket) -> Frame | None:
    frames = list(whole_frames(bytearray(read_to_end(connection))))
    return frames[-1] if frames else None


@pytest.mark.parametrize("terms", [Terms(), Terms(ping_without_stream=True)])
def test_who_pings_too_often_is_told_and_sent_away(terms: Terms) -> None:
    with serving(terms=terms) as server, connect(server.port) as connection:
        connection.sendall(PREFACE + PingFrame(0, bytes(8)).serialize() * 10)
        farewell = last_words(connection)
        assert isinstance(farewell, GoAwayFrame)
        assert farewell.error_code == ErrorCodes.ENHANCE_YOUR_CALM
        assert farewell.additional_data == b"too_many_pings"
        eventually(lambda: server.ended("too_many_pings") == 1)


def test_a_ping_for_every_answer_is_not_too_often() -> None:
    with serving(terms=Terms()) as server, H2Sender(server.port) as sender:
        for _ in range(20):
            sender.protocol.ping(bytes(8))
            assert sender.grpc(Signal.TRACES, framed(b"")).grpc_code == 0


def test_clients_may_ping_as_often_as_is_allowed() -> None:
    terms = Terms(min_ping_interval=1e-6, ping_without_stream=True)
    with serving(terms=terms) as server, H2Sender(server.port) as sender:
        for _ in range(20):
            sender.protocol.ping(bytes(8))
            sender.flush()
            sender.receive()
        assert sender.grpc(Signal.TRACES, framed(b"")).grpc_code == 0


@pytest.mark.parametrize("said", [HALVES["half a head"], HALVES["half a frame"]])
def test_half_a_head_does_not_hold_up_the_stop(said: bytes) -> None:
    with serving() as server, connect(server.port) as connection:
        connection.sendall(said)
        eventually(lambda: server.counted("connections") == 1)
        began = time.monotonic()
        server.intake.stop(60)
        assert time.monotonic() - began < PATIENCE
        read_to_end(connection)
