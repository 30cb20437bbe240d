"""Floods of StatsD: whatever comes by UDP and TCP, memory is bounded and others are served."""

from __future__ import annotations

import random
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import psutil
import pytest

from tests.integration.program import free_ports
from tests.integration.service import Penstock
from tests.kit import spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SECONDS = 2.0
"""How long each flood lasts."""

SERIES = 5_000

GROWTH = 48 << 20
"""Bytes that Penstock may grow by under any flood: buffers of 64 datagrams of 64 KiB, the series
that are allowed, and half-read lines of 200 connections."""

DATAGRAM = 60_000


class Victim(Penstock):
    """Takes StatsD by UDP and TCP, and spans from an honest sender."""

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        self.udp, self.tcp = free_ports(2)
        settings = super().settings(exporters)
        common = {"aggregation_interval": "500ms", "max_series": SERIES}
        mapping = [
            {"statsd_type": "timing", "observer_type": "summary"},
            {"statsd_type": "histogram", "observer_type": "histogram"},
        ]
        settings["receivers"]["statsd"] = common | {
            "endpoint": f"127.0.0.1:{self.udp}",
            "timer_histogram_mapping": mapping,
        }
        settings["receivers"]["statsd/tcp"] = common | {
            "endpoint": f"127.0.0.1:{self.tcp}",
            "transport": "tcp",
            "max_connections": 300,
        }
        for signal in ("metrics", "logs"):
            receivers = settings["service"]["pipelines"][signal]["receivers"]
            settings["service"]["pipelines"][signal]["receivers"] = [
                *receivers,
                "statsd",
                "statsd/tcp",
            ]
        return settings

    def resident(self) -> int:
        return int(psutil.Process(self.pid).memory_info().rss)


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    with Victim(tmp_path_factory.mktemp("victim"), {"nop": {}}) as victim:
        yield victim


def series(chance: random.Random) -> bytes:
    """Lines of series that never come again."""
    kinds = (b"c", b"g", b"ms", b"h", b"s")
    lines = (
        b"m%d:%d|%b|#k:%d" % (chance.getrandbits(40), n, kinds[n % 5], chance.getrandbits(40))
        for n in range(30)
    )
    return b"\n".join(lines)


def names(chance: random.Random) -> bytes:
    """Lines of one series, whose tags are in another order each time."""
    tags = [b"k%d:v" % n for n in range(40)]
    chance.shuffle(tags)
    return b"hits:1|c|#" + b",".join(tags)


def garbage(chance: random.Random) -> bytes:
    """Bytes that are no text."""
    return chance.randbytes(1_400)


def giant(chance: random.Random) -> bytes:
    """Datagrams of one line, or of nothing but line feeds and colons."""
    return chance.choice(
        [b"x" * DATAGRAM, b"\n" * DATAGRAM, b"a" + b":1" * (DATAGRAM // 2) + b"|s"]
    )


def values(chance: random.Random) -> bytes:
    """Lines of very many values."""
    return b"t" + b":1.5" * (DATAGRAM // 4) + chance.choice([b"|ms", b"|h", b"|d"])


def events(_: random.Random) -> bytes:
    """Events as large as they can be."""
    return b"_e{5,%d}:title|" % (DATAGRAM - 40) + b"x" * (DATAGRAM - 40)


FLOODS: list[Callable[[random.Random], bytes]] = [series, names, garbage, giant, values, events]


@pytest.mark.parametrize("flood", FLOODS, ids=lambda it: it.__name__)
def test_a_flood_of_datagrams(flood: Callable[[random.Random], bytes], victim: Victim) -> None:
    before, chance = victim.resident(), random.Random(7)
    until = time.monotonic() + SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while time.monotonic() < until:
            sender.sendto(flood(chance), ("127.0.0.1", victim.udp))
    assert victim.resident() - before < GROWTH
    expect_served(victim)


def test_half_lines_of_many_connections(victim: Victim) -> None:
    before = victim.resident()
    with ExitStack() as stack:
        peers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", victim.tcp)))
            for _ in range(200)
        ]
        for _ in range(3):
            for peer in peers:
                peer.sendall(b"x" * 30_000)
        victim.wait_until(
            lambda: victim.numbers().total("penstock_receiver_dropped_lines_total") >= 200
        )
        for peer in peers:
            peer.sendall(b"\nhits:1|c\n")
        assert victim.resident() - before < GROWTH
    expect_served(victim)


def expect_served(victim: Victim) -> None:
    """An honest sender is served, by OTLP and by StatsD, and the books balance."""
    spans_taken = "otelcol_receiver_accepted_spans_total"
    taken = victim.numbers().total(spans_taken)
    headers = {"Content-Type": "application/x-protobuf"}
    request = Request(f"{victim.url('http/protobuf')}/v1/traces", spans(10).to_otlp(), headers)
    with urlopen(request) as answer:
        assert answer.status == 200
    victim.wait_until(lambda: victim.numbers().total(spans_taken) == taken + 10)
    lines = victim.numbers().total("penstock_receiver_lines_total", receiver="statsd/tcp")
    with socket.create_connection(("127.0.0.1", victim.tcp)) as honest:
        honest.sendall(b"honest:1|c\n")
        victim.wait_until(
            lambda: (
                victim.numbers().total("penstock_receiver_lines_total", receiver="statsd/tcp")
                > lines
            )
        )
    assert victim.numbers().total("penstock_receiver_series") <= 2 * (SERIES + 1000)
