"""What the pipeline says of a group is what every one of its senders is told, in its own words."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import points, records, spans
from tests.receivers.clients import JSON, PROTOBUF, GrpcAnswer, post, send_grpc, send_http
from tests.receivers.raw_http2 import GRPC_HEAD, H2Sender, framed

if TYPE_CHECKING:
    from penstock._kernel import Group
    from tests.receivers.serving import Server

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT.value[0]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE.value[0]
JSON_SPAN = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"json"}]}]}]}'


def retry_delay(status: Status | None) -> float:
    """Seconds that a sender is asked to wait."""
    assert status is not None
    (detail,) = status.details
    info = RetryInfo()
    assert detail.Unpack(info)
    return int(info.retry_delay.ToNanoseconds()) / 1e9


@pytest.mark.parametrize("delay", [0.0, 0.25, 0.1 + 0.2, 1.0, 29.999999999, 300.0])
def test_a_refused_grpc_sender_is_told_when_to_try_again(server: Server, delay: float) -> None:
    server.judge = lambda group: group.refuse("the queue is full", delay)
    answer = send_grpc(server, spans(1))
    assert (answer.code, answer.message) == (grpc.StatusCode.UNAVAILABLE, "the queue is full")
    assert answer.status is not None
    assert answer.status.message == "the queue is full"
    assert retry_delay(answer.status) == pytest.approx(delay, abs=1e-9)


@pytest.mark.parametrize(
    ("delay", "header"), [(0.0, "1"), (0.25, "1"), (0.1 + 0.2, "1"), (1.0, "1"), (2.5, "3")]
)
@pytest.mark.parametrize(("content_type", "body"), [(PROTOBUF, b""), (JSON, JSON_SPAN)])
def test_a_refused_http_sender_is_told_when_to_try_again(
    server: Server, content_type: str, body: bytes, delay: float, header: str
) -> None:
    server.judge = lambda group: group.refuse("the queue is full", delay)
    body = body or spans(1).to_otlp()
    answer = post(server.port, "/v1/traces", body, {"Content-Type": content_type})
    assert (answer.status, answer.headers["retry-after"]) == (503, header)
    assert answer.headers["content-type"] == content_type
    assert answer.error.code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert answer.error.message == "the queue is full"
    assert retry_delay(answer.error) == pytest.approx(delay, abs=1e-9)


def test_nobody_is_asked_to_wait_longer_than_an_hour(server: Server) -> None:
    server.judge = lambda group: group.refuse("closed for the winter", float("inf"))
    assert retry_delay(send_grpc(server, spans(1)).status) == 3600
    assert send_http(server, spans(1)).headers["retry-after"] == "3600"


def test_a_rejected_sender_is_told_not_to_try_again(server: Server) -> None:
    server.judge = lambda group: group.reject("no service.name")
    answer = send_grpc(server, spans(1))
    assert (answer.code, answer.message) == (grpc.StatusCode.INVALID_ARGUMENT, "no service.name")
    assert answer.status is None
    over_http = send_http(server, spans(1))
    assert over_http.status == 400
    assert "retry-after" not in over_http.headers
    assert over_http.error == Status(code=3, message="no service.name")


def test_a_rejected_sender_of_json_is_told_so_in_json(server: Server) -> None:
    server.judge = lambda group: group.reject('no "name"')
    answer = post(server.port, "/v1/traces", JSON_SPAN, {"Content-Type": JSON})
    assert (answer.status, answer.error) == (400, Status(code=3, message='no "name"'))


@pytest.mark.parametrize("letter", ["x", "ß", "漢", "%"])
def test_a_long_message_is_shortened_so_that_it_hides_no_retry_time(
    server: Server, letter: str
) -> None:
    server.judge = lambda group: group.refuse(letter * 100_000, 7)
    answer = send_grpc(server, spans(1))
    assert answer.code is grpc.StatusCode.UNAVAILABLE
    assert retry_delay(answer.status) == 7
    assert set(answer.message) == {letter}
    assert len(answer.message.encode()) in range(1000, 1025)


def test_a_group_dropped_without_a_verdict_is_to_be_sent_again(server: Server) -> None:
    server.judge = lambda _: None
    answer = send_grpc(server, spans(1))
    assert (answer.code, retry_delay(answer.status)) == (grpc.StatusCode.UNAVAILABLE, 1)
    assert send_http(server, spans(1)).status == 503


def test_only_the_first_verdict_counts(server: Server) -> None:
    def judge(group: Group) -> None:
        server.accept(group)
        group.refuse("too late", 1)
        group.reject("too late")

    server.judge = judge
    assert send_grpc(server, spans(1)).code is grpc.StatusCode.OK


def test_one_verdict_answers_every_sender_of_a_group(server: Server) -> None:
    server.judge = server.hold
    over_grpc = (GRPC_METHODS[Signal.TRACES], *GRPC_HEAD)
    over_http = ("/v1/traces", ("content-type", PROTOBUF))
    with H2Sender(server.port) as sender:
        head = [sender.open(*request) for request in (over_grpc, over_http) * 3]
        for stream in head:
            body = spans(2).to_otlp()
            sender.protocol.send_data(stream, framed(body) if stream % 4 == 1 else body, True)
        sender.flush()
        group = server.next_held()
        assert (len(group.batch), group.transports) == (12, {"grpc": (6, 3), "http": (6, 3)})
        server.accept(group)
        answers = [sender.wait(stream).headers for stream in head]
    assert [answer.get("grpc-status") for answer in answers] == ["0", None] * 3
    assert {answer[":status"] for answer in answers} == {"200"}
    server.tell(12)


def test_groups_that_wait_at_once_may_be_answered_in_any_order(server: Server) -> None:
    server.judge = server.hold
    with ThreadPoolExecutor(4) as threads:
        answers: list[Future[GrpcAnswer]] = []
        groups: list[Group] = []
        for batch in (spans(1, "taken"), spans(2, "refused"), points(3), records(4)):
            answers.append(threads.submit(send_grpc, server, batch))
            groups.append(server.next_held())
        assert [len(group.batch) for group in groups] == [1, 2, 3, 4]
        server.accept(groups[3])
        assert answers[3].result().code is grpc.StatusCode.OK
        groups[1].refuse("later", 2)
        assert retry_delay(answers[1].result().status) == 2
        groups[2].reject("never")
        assert answers[2].result().code is grpc.StatusCode.INVALID_ARGUMENT
        assert not answers[0].done()
        server.accept(groups[0])
        assert answers[0].result().code is grpc.StatusCode.OK
    assert [len(batch) for batch in server.accepted] == [4, 1]


def test_signals_that_arrive_together_are_judged_apart(server: Server) -> None:
    server.judge = server.hold
    with H2Sender(server.port) as sender:
        for batch in (spans(1), points(2), records(3)):
            stream = sender.open(GRPC_METHODS[batch.signal], *GRPC_HEAD)
            sender.protocol.send_data(stream, framed(batch.to_otlp()), end_stream=True)
        sender.flush()
        groups = {group.batch.signal: group for group in (server.next_held() for _ in range(3))}
        groups["traces"].reject("no traces today")
        groups["metrics"].refuse("no metrics now", 1)
        server.accept(groups["logs"])
        codes = [sender.wait(stream).grpc_code for stream in (1, 3, 5)]
    assert codes == [INVALID_ARGUMENT, UNAVAILABLE, 0]
    server.tell(3)
