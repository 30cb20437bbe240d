"""Three gateways behind HAProxy: how senders are spread, and what a rolling restart costs."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tests import certificates
from tests.integration.balancing import (
    GATEWAYS,
    Gateway,
    HAProxy,
    Senders,
)
from tests.integration.load import AGAIN, SPANS
from tests.integration.program import eventually, free_ports
from tests.integration.service import Ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.recorder import Recorder

FAIR = 1 / len(GATEWAYS)
"""A gateway's share."""


class Site:
    """The balancer and the gateways that run at the time."""

    def __init__(self, folder: Path, back_end: str, running: ExitStack) -> None:
        self.certificates = certificates.make_all(folder)
        self.gateways: dict[str, Gateway] = {}
        self.age = "0s"
        """`max_connection_age` of gateways that are started."""
        self.queue = True
        """Whether they answer before the back end has."""
        free = iter(free_ports(len(Ports._fields) * len(GATEWAYS)))
        self._ports = {name: Ports(*islice(free, len(Ports._fields))) for name in GATEWAYS}
        self._folder, self._back_end, self._running = folder, back_end, running
        self.balancer = running.enter_context(HAProxy(folder, self.certificates, self._ports))

    def start(self, *names: str) -> None:
        """Start gateways, and return when the balancer sends to them."""
        new = {name: self._gateway(name) for name in names}
        for gateway in new.values():
            self._running.enter_context(gateway)
        self.gateways |= new
        for name in names:
            self.await_state(name, "UP")

    def _gateway(self, name: str) -> Gateway:
        otlp = {
            "endpoint": self._back_end,
            "tls": {"insecure": True},
            "sending_queue": {"enabled": self.queue},
        }
        ports = self._ports[name]
        return Gateway(self._folder, {"otlp": otlp}, name, ports, self.certificates, self.age)

    def await_state(self, name: str, state: str) -> None:
        """Wait until the balancer thinks so of a gateway."""
        states = self.balancer.states
        eventually(lambda: states()[name] == state and states("requests")[name] == state, states)

    def senders(self, way: str, connections: int) -> Senders:
        """Senders that begin with `with`."""
        return Senders(self.balancer.ports[way], self.certificates, connections)

    def shares(self, senders: Senders, requests: int = 200) -> dict[str, float]:
        """What part each gateway takes of the requests that come next."""
        before = self._accepted()
        wanted = len(senders.accepted) + requests * SPANS
        eventually(lambda: len(senders.accepted) >= wanted)
        taken = {name: now - before[name] for name, now in self._accepted().items()}
        return {name: spans / sum(taken.values()) for name, spans in taken.items()}

    def _accepted(self) -> dict[str, int]:
        return {name: gateway.accepted() for name, gateway in self.gateways.items()}


@pytest.fixture
def site(tmp_path: Path, recorder: Recorder) -> Iterator[Site]:
    with ExitStack() as running:
        yield Site(tmp_path, recorder.address, running)


@contextmanager
def pile_up(site: Site, way: str, connections: int) -> Iterator[Senders]:
    """All senders found one gateway; now the others are there too."""
    first, *others = GATEWAYS
    site.start(first)
    with site.senders(way, connections) as senders:
        eventually(lambda: len(senders.accepted) > connections * SPANS)
        site.start(*others)
        yield senders


def test_connections_stay_with_the_gateway_that_they_found_and_requests_do_not(site: Site) -> None:
    with pile_up(site, "connections", 12) as senders:
        assert site.shares(senders)["gateway-1"] == 1
    with site.senders("requests", 1) as senders:
        assert min(site.shares(senders, 30).values()) > FAIR / 2


def test_connections_of_a_greatest_age_spread_again(site: Site) -> None:
    site.age = "1s"
    with pile_up(site, "connections", 12) as senders:
        eventually(lambda: min(site.shares(senders).values()) > FAIR / 2)
        assert min(site.shares(senders, 500).values()) > FAIR / 2
    assert senders.answers["OK"] > 0.99 * senders.answers.total(), "senders hardly notice"


def test_a_rolling_restart_under_load_loses_nothing(site: Site, recorder: Recorder) -> None:
    """Each gateway is told to stop when it has what the back end does not take yet."""
    with under_load(site, recorder) as senders:
        for name, gateway in list(site.gateways.items()):
            site.shares(senders, 30)
            recorder.hold()
            taken = gateway.accepted()
            eventually(lambda: gateway.accepted() > taken)  # noqa: B023
            gateway.terminate()
            site.await_state(name, "NOLB")
            recorder.release()
            assert gateway.wait() == 0
            site.start(name)


def test_nor_does_one_of_gateways_that_answer_when_the_back_end_has_answered(
    site: Site, recorder: Recorder
) -> None:
    site.queue = False
    with under_load(site, recorder) as senders:
        for name, gateway in list(site.gateways.items()):
            site.shares(senders, 30)
            gateway.terminate()
            assert gateway.wait() == 0
            site.start(name)


@contextmanager
def under_load(site: Site, recorder: Recorder) -> Iterator[Senders]:
    """Three gateways and senders both ways; nothing of what these were told was taken is lost."""
    site.start(*GATEWAYS)
    with site.senders("connections", 6) as some, site.senders("requests", 6) as others:
        yield some
    expect_all(recorder, some, others)


def expect_all(recorder: Recorder, *loads: Senders) -> None:
    """Whatever was taken arrives, little of it twice, and nothing was refused for good."""
    taken = {id_ for senders in loads for id_ in senders.accepted}
    arrived: Counter[bytes] = Counter()

    def all_arrived() -> bool:
        arrived.clear()
        arrived.update(span.span_id for span in recorder.spans())
        return taken <= arrived.keys()

    eventually(all_arrived)
    assert arrived.total() - len(arrived) < len(arrived) / 20
    for senders in loads:
        assert senders.answers.keys() <= {"OK", *AGAIN}


def test_senders_leave_a_gateway_that_hangs(site: Site) -> None:
    site.start(*GATEWAYS)
    with ExitStack() as sending:
        senders = [sending.enter_context(site.senders("connections", 1)) for _ in GATEWAYS]
        eventually(lambda: all(gateway.accepted() for gateway in site.gateways.values()))
        with suspended(site.gateways["gateway-1"]):
            site.await_state("gateway-1", "DOWN")
            before = [len(each.accepted) for each in senders]
            eventually(
                lambda: all(
                    len(each.accepted) > some for each, some in zip(senders, before, strict=True)
                )
            )


@contextmanager
def suspended(gateway: Gateway) -> Iterator[None]:
    """It neither works nor ends meanwhile."""
    os.kill(gateway.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(gateway.pid, signal.SIGCONT)


def test_haproxy_finds_nothing_wrong_with_the_settings(site: Site) -> None:
    done = subprocess.run(
        [*site.balancer.command, "-c"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
