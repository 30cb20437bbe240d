"""What HTTP itself allows is understood, and what is not OTLP/HTTP gets HTTP's own answer."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import grpc
import pytest

from tests.kit import names, spans
from tests.receivers.clients import (
    JSON,
    PROTOBUF,
    HttpSender,
    connect,
    exchange,
    post,
    read_response,
    read_to_end,
    send_http,
)

if TYPE_CHECKING:
    from io import BufferedIOBase

    from tests.receivers.serving import Server

BODY = spans(1).to_otlp()
UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED.value[0]


def head(version: str = "HTTP/1.1", path: str = "/v1/traces", **headers: object) -> bytes:
    """The head of a POST of protobuf."""
    named = {"Host": "penstock", "Content-Type": PROTOBUF}
    named |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
    lines = [f"POST {path} {version}", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
@pytest.mark.parametrize("path", ["/", "/v1/trace", "/v1/traces/", "/V1/TRACES", "/v1/profiles"])
def test_an_unknown_path_is_not_found_and_says_so_in_the_content_type_of_the_request(
    server: Server, path: str, content_type: str
) -> None:
    answer = post(server.port, path, BODY, {"Content-Type": content_type})
    assert answer.status == 404
    assert answer.headers["content-type"] == content_type
    assert answer.error.code == UNIMPLEMENTED
    assert answer.error.message == f"nothing is received at {path}"
    assert server.counted("unknown_path") == 1


def test_a_query_behind_the_path_is_ignored(server: Server) -> None:
    assert post(server.port, "/v1/traces?token=1", BODY).status == 200
    server.tell(1)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_only_post_is_allowed(server: Server, method: str) -> None:
    with HttpSender(server.port) as sender:
        answer = sender.request("/v1/traces", b"", method=method)
        assert answer.status == 405
        assert answer.headers["allow"] == "POST"
        assert server.counted("bad_method") == 1
        assert sender.request("/v1/traces", b"").status == 200


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/grpc"]
)
def test_another_content_type_is_refused_in_plain_text(server: Server, content_type: str) -> None:
    answer = post(server.port, "/v1/traces", BODY, {"Content-Type": content_type})
    assert answer.status == 415
    assert answer.headers["content-type"] == "text/plain"
    assert b"application/x-protobuf or application/json" in answer.body
    assert server.counted("unsupported_media_type") == 1


def test_a_missing_content_type_is_refused(server: Server) -> None:
    request = b"POST /v1/traces HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert exchange(server.port, request).startswith(b"HTTP/1.1 415 ")


def test_http_1_0_is_answered_and_closed(server: Server) -> None:
    request = head("HTTP/1.0", Content_Length=len(BODY)) + BODY
    assert exchange(server.port, request).startswith(b"HTTP/1.0 200 OK\r\n")
    server.tell(1)


def test_a_body_may_come_in_chunks_of_any_size(server: Server) -> None:
    pieces = [BODY[at : at + 1] for at in range(len(BODY))]
    with HttpSender(server.port) as sender:
        assert sender.request("/v1/traces", iter(pieces)).status == 200
        assert sender.request("/v1/traces", iter([BODY[:7], BODY[7:]])).status == 200
    server.tell(2)


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(head(Content_Length=len(BODY), Expect="100-continue"))
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert read_response(connection).status == 200
    server.tell(1)


def test_a_client_that_waits_for_100_continue_in_vain_is_told_why(server: Server) -> None:
    with connect(server.port) as connection:
        request = head(path="/elsewhere", Content_Length=len(BODY), Expect="100-continue")
        connection.sendall(request)
        assert read_response(connection).status == 404
        assert read_to_end(connection) == b"", "what follows may or may not be the body"


def test_requests_sent_without_waiting_are_answered_in_order(server: Server) -> None:
    requests = [head(Content_Length=len(BODY)) + BODY] * 3
    requests.insert(1, head(path="/elsewhere", Content_Length=len(BODY)) + BODY)
    with connect(server.port) as connection:
        connection.sendall(b"".join(requests))
        reader = connection.makefile("rb")
        assert [next_status(reader) for _ in requests] == [200, 404, 200, 200]
    server.tell(3)


def next_status(reader: BufferedIOBase) -> int:
    """The status of the next response, of several on one connection."""
    status = int(reader.readline().split()[1])
    headers = http.client.parse_headers(reader)
    reader.read(int(headers["content-length"]))
    return status


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 100,
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500),
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nbad header\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(range(256)) * 4,
    ],
    ids=["zeros", "TLS", "words", "version", "negative", "two lengths", "header", "HTTP/2"],
)
def test_garbage_closes_its_connection_and_no_other(server: Server, garbage: bytes) -> None:
    with HttpSender(server.port) as other:
        assert other.request("/v1/logs", b"").status == 200
        answer = exchange(server.port, garbage)
        assert not answer.startswith(b"HTTP") or answer.startswith(b"HTTP/1.1 400 ")
        assert other.request("/v1/logs", b"").status == 200
    assert server.counted("connections") == 2


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"5\r\nab", b"FFFFFFFFFFFFFFFFF\r\n"])
def test_broken_chunks_are_refused(server: Server, chunk: bytes) -> None:
    with connect(server.port) as connection:
        connection.sendall(head(Transfer_Encoding="chunked") + chunk)
        connection.shutdown(1)
        assert read_response(connection).status == 400
        assert read_to_end(connection) == b""


def test_a_head_that_is_too_long_is_refused(server: Server) -> None:
    assert exchange(server.port, head(X_Long="x" * 300_000)).startswith(b"HTTP/1.1 431 ")


def test_a_refused_request_leaves_its_connection_usable(server: Server) -> None:
    with HttpSender(server.port) as sender:
        assert sender.request("/v1/traces", BODY[:-1]).status == 400
        assert sender.request("/elsewhere", bytes(500_000)).status == 404
        assert sender.request("/v1/traces", BODY).status == 200
    server.tell(1)
    assert server.counted("connections") == 1


def test_a_server_serves_others_while_a_body_is_on_its_way(server: Server) -> None:
    with connect(server.port) as slow:
        slow.sendall(head(Content_Length=len(BODY)) + BODY[:5])
        assert send_http(server, spans(2)).status == 200
        slow.sendall(BODY[5:])
        assert read_response(slow).status == 200
    server.tell(1)
    assert len(names(server.accepted)) == 3
