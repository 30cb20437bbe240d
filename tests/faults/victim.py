"""Penstock under attack: a process with an honest sender, of which everything must hold at the end.

The same five things after every attack: it is alive, its memory is bounded, the honest sender was
served, the books balance, and a counter names the abuse.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import grpc
from prometheus_client.parser import text_string_to_metric_families

from penstock.pipeline import Signal
from penstock.receivers.otlp import GRPC_METHODS
from tests.certificates import issue, make_authority
from tests.integration.program import eventually, fetch, free_ports
from tests.integration.service import Penstock
from tests.kit import spans
from tests.receivers.clients import GrpcSender
from tests.receivers.watching import peak_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor

MIB = 1024 * 1024

MESSAGE_LIMIT_MIB = 4
"""The largest request that the victim takes: what an attack may make it hold is a few of these."""

MEMORY_LIMIT = 32 * MIB
"""By how many bytes an attack may make the process grow."""

ITEMS = 10
"""Spans in each request of the honest sender."""

PACE = 0.01
"""Seconds between two requests of the honest sender, who waits for the answer too."""

CERTIFICATE = {"cert": "server.pem", "key": "server.key"}

_NO_ABUSE = {"connections"}
"""Counters of receivers that rise without any attack."""


class Victim(Penstock):
    """A Penstock that takes OTLP of up to 4 MiB a request, in clear and by TLS, and drops it."""

    def __init__(self, folder: Path) -> None:
        make_authority(folder, "ca")
        issue(folder, "server", by="ca")
        self._folder = folder
        [self.tls_port] = free_ports(1)
        super().__init__(folder, {"nop": {}}, "victim")

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        """Smaller limits than the default, so that what goes beyond them is seen in the memory."""
        settings = super().settings(exporters)
        protocols = settings["receivers"]["otlp"]["protocols"]
        protocols["grpc"]["max_recv_msg_size_mib"] = MESSAGE_LIMIT_MIB
        protocols["http"]["max_request_body_size"] = MESSAGE_LIMIT_MIB * MIB
        files = {f"{kind}_file": str(self._folder / name) for kind, name in CERTIFICATE.items()}
        grpc = {"endpoint": f"127.0.0.1:{self.tls_port}", "tls": files}
        settings["receivers"]["otlp/tls"] = {"protocols": {"grpc": grpc}}
        for pipeline in settings["service"]["pipelines"].values():
            pipeline["receivers"].append("otlp/tls")
        return settings

    def abuse(self) -> Counter[str]:
        """What the receiver turned away or ended by itself, by the reasons that it gives."""
        page = fetch(f"http://127.0.0.1:{self.ports.metrics}/metrics")
        assert page, self.output()
        found: Counter[str] = Counter()
        for family in text_string_to_metric_families(page.decode()):
            for sample in family.samples:
                reason = sample.labels.get("reason")
                if sample.name.startswith("penstock_receiver_") and reason:
                    found[reason] += int(sample.value)
        return found

    def cpu_seconds(self) -> float:
        """CPU time that its threads have taken, to the microsecond."""
        spent = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            spent += int(task.joinpath("schedstat").read_text().split()[0])
        return spent / 1e9

    def pin(self, core: int) -> None:
        """Run on one core only."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})


class Honest:
    """A sender that asks for nothing special; use it as a context manager around an attack."""

    def __init__(self, victim: Victim) -> None:
        self._message = spans(ITEMS).to_otlp()
        self._sender = GrpcSender(victim.ports.grpc)
        self._thread = threading.Thread(target=self._send_on, name="honest sender")
        self._enough = threading.Event()
        self.waits: list[float] = []
        """Seconds that each answer took."""
        self.refused: list[str] = []

    @property
    def items(self) -> int:
        """Items whose sender was told that they were taken."""
        return ITEMS * len(self.waits)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        self._sender.__exit__()

    def percentile(self, share: float) -> float:
        """Seconds within which that share of the answers came."""
        return sorted(self.waits)[int(share * (len(self.waits) - 1))]

    def _send_on(self) -> None:
        while not self._enough.wait(PACE):
            began = time.monotonic()
            answer = self._sender.call(GRPC_METHODS[Signal.TRACES], self._message)
            if answer.code is grpc.StatusCode.OK:
                self.waits.append(time.monotonic() - began)
            else:
                self.refused.append(f"{answer.code.name}: {answer.message}")


@dataclass
class Outcome:
    """What an attack has done."""

    growth: int = 0
    """Bytes by which the process grew at most."""
    served: int = 0
    """Requests of the honest sender that were taken."""
    slowest: float = 0.0
    """Seconds within which 99 of 100 of those were answered."""
    seconds: float = 0.0
    refused: list[str] = field(default_factory=list)
    """What the honest sender was told otherwise."""
    named: Counter[str] = field(default_factory=Counter)
    """The counters that rose."""

    def __str__(self) -> str:
        named = ", ".join(f"{count:,} {reason}" for reason, count in self.named.items())
        return f"{self.rate:.0f} honest requests a second, + {self.growth / MIB:.1f} MiB, {named}"

    @property
    def rate(self) -> float:
        """Requests of the honest sender a second."""
        return self.served / self.seconds


class Stand:
    """Where a victim stands while it is attacked, by a process of the attackers' own."""

    def __init__(self, victim: Victim, attackers: Executor) -> None:
        self.victim = victim
        self.attackers = attackers
        self._taken = 0

    @contextmanager
    def attack(self, *, is_taken: bool = False) -> Iterator[Outcome]:
        """Send honestly around an attack; at its end the victim lives and its books balance.

        `is_taken` says that some of what the attack sends is telemetry that is taken.
        """
        outcome, before = Outcome(), self.victim.abuse()
        began = time.monotonic()
        with peak_memory(self.victim.pid) as growth, Honest(self.victim) as honest:
            eventually(lambda: honest.waits)
            yield outcome
            answered = len(honest.waits)
            eventually(lambda: len(honest.waits) > answered, lambda: honest.refused)
        outcome.seconds = time.monotonic() - began
        outcome.growth = growth.bytes
        outcome.served, outcome.refused = len(honest.waits), honest.refused
        outcome.slowest = honest.percentile(0.99)
        outcome.named = self.victim.abuse() - before
        for reason in _NO_ABUSE:
            outcome.named.pop(reason, None)
        self._check_books(honest.items, is_taken=is_taken)

    def wait(self, seconds: float) -> None:
        """Let the honest sender go on for so long."""
        threading.Event().wait(seconds)

    def _check_books(self, items: int, *, is_taken: bool) -> None:
        assert self.victim.is_alive, self.victim.output()
        assert "Traceback" not in self.victim.output()
        least = self._taken + items
        self._taken = eventually(self._all_sent) if is_taken else least
        assert self._taken >= least
        self.victim.expect_delivered("traces", self._taken)

    def _all_sent(self) -> int:
        """Items that were accepted once as many were sent, before that 0."""
        numbers = self.victim.numbers()
        accepted = numbers.total("otelcol_receiver_accepted_spans_total")
        return accepted if accepted == numbers.total("otelcol_exporter_sent_spans_total") else 0


@contextmanager
def standing(folder: Path) -> Iterator[Stand]:
    """Run a victim, and a process for attackers."""
    start_afresh = multiprocessing.get_context("spawn")
    with Victim(folder) as victim, ProcessPoolExecutor(1, start_afresh) as attackers:
        yield Stand(victim, attackers)
