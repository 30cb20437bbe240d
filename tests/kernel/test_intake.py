"""The intake as its consumer sees it: addresses, groups, verdicts, counters, an end."""

from __future__ import annotations

import select
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._kernel import Intake
from penstock.pipeline import Batch, Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.kernel.messages import payloads
from tests.kit import names, points, spans
from tests.receivers.clients import GrpcSender, connect, post
from tests.receivers.serving import MIB, PATIENCE, routes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock._kernel import Group


def new_intake(**settings: str) -> Intake:
    """An intake for every signal that is not started."""
    return Intake(
        routes=settings or routes(*Signal),
        max_grpc_bytes=MIB,
        max_http_bytes=MIB,
        max_waiting_bytes=MIB,
    )


@pytest.fixture
def intake() -> Iterator[Intake]:
    """An intake for every signal that is not started, and is stopped at the end."""
    intake = new_intake()
    yield intake
    intake.stop(0)


def is_readable(intake: Intake, timeout: float) -> bool:
    return bool(select.select([intake.fileno()], [], [], timeout)[0])


def take(intake: Intake) -> list[Group]:
    """What there is, once there is something."""
    assert is_readable(intake, PATIENCE)
    return intake.take()


def test_port_0_takes_a_free_port_and_tells_which(intake: Intake) -> None:
    ports = {intake.listen("127.0.0.1", 0), intake.listen("127.0.0.1", 0)}
    intake.start()
    assert len(ports) == 2
    for port in ports:
        assert post(port, "/v1/traces", b"").status == 200


def test_a_port_in_use_is_an_os_error(intake: Intake) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="already in use"),
    ):
        intake.listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.0.0.1", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_an_os_error(intake: Intake, host: str) -> None:
    with pytest.raises(OSError, match=r".+"):
        intake.listen(host, 0)


def test_an_empty_host_means_every_interface(intake: Intake) -> None:
    port = intake.listen("", 0)
    intake.start()
    assert post(port, "/v1/traces", b"").status == 200
    with socket.create_connection(("::1", port), PATIENCE):
        pass


def test_a_name_with_two_families_means_its_ipv4_address(intake: Intake) -> None:
    port = intake.listen("localhost", 0)
    intake.start()
    connect(port).close()


def test_connections_made_before_the_start_are_served_after_it(intake: Intake) -> None:
    port = intake.listen("127.0.0.1", 0)
    with ThreadPoolExecutor(1) as threads:
        early = threads.submit(post, port, "/v1/traces", b"")
        intake.start()
        assert early.result().status == 200


def test_a_route_leads_to_a_signal_or_is_refused() -> None:
    with pytest.raises(ValueError, match="profiles is not a signal"):
        new_intake(**{"/v1/profiles": "profiles"})


def test_it_starts_once(intake: Intake) -> None:
    intake.start()
    with pytest.raises(RuntimeError, match="has been started"):
        intake.start()


def test_it_stops_without_a_start_and_twice() -> None:
    intake = new_intake()
    port = intake.listen("127.0.0.1", 0)
    intake.stop(PATIENCE)
    intake.stop(PATIENCE)
    with pytest.raises(ConnectionRefusedError):
        connect(port)


def test_a_port_is_free_again_after_the_stop() -> None:
    first, second = new_intake(), new_intake()
    port = first.listen("127.0.0.1", 0)
    first.start()
    assert post(port, "/v1/traces", b"").status == 200
    first.stop(PATIENCE)
    assert second.listen("127.0.0.1", port) == port
    second.stop(PATIENCE)


def test_it_is_readable_while_there_is_something_to_take(intake: Intake) -> None:
    port = intake.listen("127.0.0.1", 0)
    intake.start()
    assert not is_readable(intake, 0)
    with ThreadPoolExecutor(2) as threads:
        for batch in (spans(2, "first"), spans(3, "second")):
            answer = threads.submit(post, port, "/v1/traces", batch.to_otlp())
            (group,) = take(intake)
            assert not is_readable(intake, 0)
            assert names([Batch(group.batch)]) == names([batch])
            assert group.transports == {"http": (len(batch), 1)}
            group.accept()
            assert answer.result().status == 200


def test_what_arrives_while_the_consumer_is_busy_is_one_group_for_each_signal(
    intake: Intake,
) -> None:
    port = intake.listen("127.0.0.1", 0)
    intake.start()
    with ThreadPoolExecutor(8) as threads:
        requests = [("/v1/traces", spans(2)), ("/v1/metrics", points(3))] * 4
        answers = [threads.submit(post, port, path, b.to_otlp()) for path, b in requests]
        groups: list[Group] = []
        while sum(len(group.batch) for group in groups) < 20:
            taken = take(intake)
            assert len({group.batch.signal for group in taken}) == len(taken)
            groups += taken
        for group in groups:
            group.accept()
        assert {answer.result().status for answer in answers} == {200}


def test_a_group_is_answered_from_any_thread(intake: Intake) -> None:
    port = intake.listen("127.0.0.1", 0)
    intake.start()
    with ThreadPoolExecutor(2) as threads:
        answer = threads.submit(post, port, "/v1/traces", spans(1).to_otlp())
        (group,) = take(intake)
        threads.submit(group.refuse, "not now", 5).result()
        assert answer.result().headers["retry-after"] == "5"


def test_a_batch_outlives_its_group_and_its_intake() -> None:
    intake = new_intake()
    port = intake.listen("127.0.0.1", 0)
    intake.start()
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(post, port, "/v1/traces", spans(2).to_otlp())
        (group,) = take(intake)
        batch = Batch(group.batch)
        group.accept()
        assert answer.result().status == 200
    intake.stop(PATIENCE)
    del group, intake
    assert batch.to_otlp() == spans(2).to_otlp()


def test_on_credit_senders_are_answered_before_their_requests_are_taken(intake: Intake) -> None:
    port = intake.listen("127.0.0.1", 0)
    intake.grant(MIB)
    intake.start()
    assert post(port, "/v1/traces", spans(2).to_otlp()).status == 200
    assert post(port, "/v1/traces", spans(3).to_otlp()).status == 200
    groups = take(intake)
    while sum(len(group.batch) for group in groups) < 5:
        groups += take(intake)
    assert all(group.answered for group in groups)


def test_credit_is_used_up_until_the_verdict(intake: Intake) -> None:
    request = spans(1000).to_otlp()
    port = intake.listen("127.0.0.1", 0)
    intake.grant(2 * len(request))  # enough for one with its index, and not for two
    intake.start()
    with ThreadPoolExecutor(1) as threads:
        for _ in range(2):
            assert post(port, "/v1/traces", request).status == 200
            (on_credit,) = take(intake)
            waits = threads.submit(post, port, "/v1/traces", request)
            (group,) = take(intake)
            assert (on_credit.answered, group.answered) == (True, False)
            group.refuse("not now", 1)
            assert waits.result().status == 503
            on_credit.accept()


def test_credit_ends_when_it_is_taken_back(intake: Intake) -> None:
    port = intake.listen("127.0.0.1", 0)
    intake.grant(MIB)
    intake.start()
    assert post(port, "/v1/traces", spans(1).to_otlp()).status == 200
    intake.grant(0)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(post, port, "/v1/traces", spans(1).to_otlp())
        groups = take(intake)
        while all(group.answered for group in groups):
            groups += take(intake)
        (waits,) = (group for group in groups if not group.answered)
        waits.reject("never")
        assert answer.result().status == 400


def test_what_was_answered_on_credit_can_be_taken_after_the_stop(intake: Intake) -> None:
    port = intake.listen("127.0.0.1", 0)
    intake.grant(MIB)
    intake.start()
    assert post(port, "/v1/traces", spans(2).to_otlp()).status == 200
    intake.stop(PATIENCE)
    (group,) = take(intake)
    assert (group.answered, len(group.batch)) == (True, 2)
    assert intake.take() == []


def test_every_reason_to_turn_a_request_away_starts_at_zero(intake: Intake) -> None:
    assert set(intake.stats().values()) == {0}
    assert set(intake.stats()) >= {"malformed", "too_large", "disconnected", "overloaded"}


@pytest.mark.parametrize("signal", Signal)
@given(data=st.data())
def test_small_requests_are_joined_as_if_they_had_come_as_one(
    signal: Signal, data: st.DataObject
) -> None:
    """In memory they are one payload: its bytes and its index are those of the sum."""
    some_items = payloads(signal).filter(lambda payload: len(Batch.from_otlp(signal, payload)) > 0)
    requests = data.draw(st.lists(some_items, min_size=1, max_size=5))
    expected = Batch.from_otlp(signal, b"".join(requests))
    intake = new_intake()
    port = intake.listen("127.0.0.1", 0)
    intake.start()
    try:
        intake.grant(MIB)
        for request in requests:
            assert post(port, f"/v1/{signal}", request).status == 200
        joined = [Batch(group.batch) for group in take(intake)]
        assert repr([row for batch in joined for row in batch.rows()]) == repr(expected.rows())
        items = [part.to_otlp() for batch in joined for part in batch.split(max_items=1)]
        assert items == [part.to_otlp() for part in expected.split(max_items=1)]
    finally:
        intake.stop(0)


@pytest.mark.parametrize(
    ("host", "family", "reached", "not_reached"),
    [
        ("", 4, "127.0.0.1", "::1"),
        ("", 6, "::1", "127.0.0.1"),
        ("localhost", 4, "127.0.0.1", "::1"),
        ("::1", 6, "::1", "127.0.0.1"),
    ],
)
def test_an_address_may_be_of_one_version_of_ip_only(
    intake: Intake, host: str, family: int, reached: str, not_reached: str
) -> None:
    port = intake.listen(host, 0, family=family)
    socket.create_connection((reached, port), timeout=PATIENCE).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((not_reached, port), timeout=PATIENCE)


def test_a_host_without_an_address_of_that_version_is_refused(intake: Intake) -> None:
    with pytest.raises(OSError, match="no such address"):
        intake.listen("127.0.0.1", 0, family=6)


def test_a_group_tells_who_sent_which_items(intake: Intake) -> None:
    port = intake.listen("", 0)
    intake.grant(MIB)
    intake.start()
    for host, items in [("127.0.0.1", 2), ("127.0.0.1", 1), ("127.0.0.2", 3), ("::1", 1)]:
        post_from(host, port, spans(items, host))
    (group,) = take(intake)
    group.accept()
    assert group.peers() == [("127.0.0.1", 3), ("127.0.0.2", 3), ("::1", 1)]
    told = [host for host, items in group.peers() for _ in range(items)]
    assert [name.split()[0] for name in names([Batch(group.batch)])] == told


def test_nobody_at_a_unix_socket_has_an_address(intake: Intake, tmp_path: Path) -> None:
    path = str(tmp_path / "intake")
    intake.listen_unix(path, permissions=0o600)
    intake.grant(MIB)
    intake.start()
    with GrpcSender(f"unix:{path}") as sender:
        sender.call(GRPC_METHODS[Signal.TRACES], spans(2).to_otlp())
    (group,) = take(intake)
    group.accept()
    assert group.peers() == [(None, 2)]


def post_from(host: str, port: int, batch: Batch) -> None:
    """Send from an address of this machine."""
    to = "::1" if ":" in host else "127.0.0.1"
    connection = HTTPConnection(to, port, PATIENCE, source_address=(host, 0))
    headers = {"Content-Type": "application/x-protobuf"}
    connection.request("POST", "/v1/traces", batch.to_otlp(), headers)
    assert connection.getresponse().status == 200
    connection.close()
