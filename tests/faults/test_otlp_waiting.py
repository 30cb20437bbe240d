"""A consumer that falls behind slows its senders down, then turns them away; nothing grows."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import grpc

from tests.kit import spans
from tests.receivers.clients import connect, read_response, send_grpc, send_http
from tests.receivers.serving import MIB, Server, eventually, serving
from tests.receivers.test_otlp_verdicts import retry_delay
from tests.receivers.watching import peak_memory

if TYPE_CHECKING:
    from penstock._kernel import Group
    from penstock.pipeline import Batch

ROOM = 480_000
PART = spans(1, "x" * (ROOM // 8))
"""A bit more than an eighth of the room."""


def fill(server: Server, threads: ThreadPoolExecutor, parts: int) -> list[Group]:
    """Send parts that get no verdict, one after the other."""
    groups = []
    for _ in range(parts):
        threads.submit(send_http, server, PART)
        groups.append(server.next_held())
    return groups


def release(server: Server, groups: list[Group]) -> None:
    """Take what waits, and from now on whatever comes."""
    server.judge = server.accept
    for group in groups:
        server.accept(group)
    while not server.held.empty():
        server.accept(server.next_held())


def request(batch: Batch) -> bytes:
    """A whole POST of traces."""
    head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\n"
    return f"{head}Content-Length: {batch.nbytes}\r\n\r\n".encode() + batch.to_otlp()


def test_half_of_the_room_taken_stops_the_reading_for_a_moment() -> None:
    with serving(max_waiting_bytes=ROOM) as server, ThreadPoolExecutor(8) as threads:
        server.judge = server.hold
        groups = fill(server, threads, 4)
        with connect(server.port) as late:
            began = time.monotonic()
            late.sendall(request(PART))
            groups.append(server.next_held())
            assert time.monotonic() - began > 0.2
            release(server, groups)
            assert read_response(late).status == 200
        server.tell(1)


def test_a_full_house_refuses_with_a_retry_time_and_takes_all_again_after_the_verdicts() -> None:
    with serving(max_waiting_bytes=ROOM) as server, ThreadPoolExecutor(16) as threads:
        server.judge = server.hold
        groups = fill(server, threads, 7)
        over_grpc = threads.submit(send_grpc, server, PART)
        over_http = send_http(server, PART)
        assert (over_http.status, over_http.headers["retry-after"]) == (503, "1")
        assert over_grpc.result().code is grpc.StatusCode.UNAVAILABLE
        assert retry_delay(over_grpc.result().status) == 1
        assert server.counted("overloaded") == 2
        release(server, groups)
        for _ in range(20):
            assert send_grpc(server, PART).code is grpc.StatusCode.OK
        eventually(lambda: server.told == server.items == 27)


def test_a_request_that_is_larger_than_the_room_is_refused() -> None:
    with serving(max_waiting_bytes=ROOM // 16) as server:
        assert send_http(server, PART).status == 503
        assert send_http(server, spans(1)).status == 200


def test_a_crowd_of_senders_takes_a_fraction_of_the_memory_that_they_offer() -> None:
    body = request(spans(1, "x" * (MIB - 1000)))
    with serving(max_waiting_bytes=4 * MIB) as server, ExitStack() as clients:
        server.judge = server.hold
        with peak_memory() as growth:
            crowd = [clients.enter_context(connect(server.port)) for _ in range(96)]
            with ThreadPoolExecutor(len(crowd)) as threads:
                list(threads.map(socket.socket.sendall, crowd, [body] * len(crowd)))
            eventually(lambda: server.counted("overloaded") > 48)
        assert growth.bytes < 48 * MIB
        release(server, [])
        answers = [read_response(client).status for client in crowd]
        assert set(answers) <= {200, 503}
        server.tell(answers.count(200))
