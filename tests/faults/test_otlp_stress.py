"""Many senders at once, in every dialect, with every verdict: each item has exactly one fate."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.kit import names, spans
from tests.receivers.clients import GrpcSender, HttpSender
from tests.receivers.serving import eventually, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock._kernel import Group
    from penstock.pipeline import Batch
    from tests.receivers.serving import Server

SENDERS = 32
SECONDS = 1.5

TAKEN = {grpc.StatusCode.OK, 200}
AGAIN = {grpc.StatusCode.UNAVAILABLE, 503}
NEVER = {grpc.StatusCode.INVALID_ARGUMENT, 400}


def judge(server: Server, group: Group, chance: random.Random) -> None:
    """Give a verdict after a moment: mostly a good one, sometimes none at all."""
    time.sleep(chance.random() * 0.01)
    verdict = chance.random()
    if verdict < 0.7 or group.answered:
        server.accept(group)
    elif verdict < 0.8:
        group.refuse("not now", 0.01)
    elif verdict < 0.9:
        group.reject("never")


def send_for_a_while(server: Server, number: int) -> set[str]:
    """Send spans of unique names, again where that was asked for; the names of those taken."""
    deadline = time.monotonic() + SECONDS
    chance = random.Random(number)
    taken: set[str] = set()
    with GrpcSender(server.port) as over_grpc, HttpSender(server.ports[1]) as over_http:
        outcomes: list[Callable[[Batch], Any]] = [
            lambda batch: over_grpc.send(server, batch).code,
            lambda batch: over_http.send(server, batch).status,
        ]
        for sequence in count():
            batch = spans(chance.randint(1, 300), f"{number} {sequence}")
            while (outcome := outcomes[number % 2](batch)) in AGAIN:
                assert time.monotonic() < deadline + 10
            if outcome in TAKEN:
                taken |= {*names([batch])}
            else:
                assert outcome in NEVER
            if time.monotonic() > deadline:
                return taken
    raise AssertionError


@pytest.mark.parametrize("credit", [0, 64 * 1024])
def test_no_item_is_lost_or_doubled_under_a_mix_of_everything(credit: int) -> None:
    with serving() as server:
        server.intake.grant(credit)
        chance = random.Random(0)
        with ThreadPoolExecutor(4) as judges, ThreadPoolExecutor(SENDERS) as senders:

            def leave_to_a_judge(group: Group) -> None:
                judges.submit(judge, server, group, chance)

            server.judge = leave_to_a_judge
            work = [senders.submit(send_for_a_while, server, number) for number in range(SENDERS)]
            told = Counter(name for sent in work for name in sent.result())
        eventually(lambda: server.items >= told.total())
        assert Counter(names(server.accepted)) == told
        assert set(told.values()) == {1}
        assert len(told) > 1_000
