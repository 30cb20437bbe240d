"""An OTLP server under test: the kernel's intake, a consumer that gives verdicts, and books."""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock._kernel import Intake
from penstock.pipeline import Batch, Signal
from penstock.receivers.otlp import GRPC_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock._kernel import Group, Terms

MIB = 1024 * 1024

PATIENCE = 10.0
"""Seconds after which what should have happened has not: far more than a busy machine needs."""

HTTP_PATHS = {signal: f"/v1/{signal}" for signal in Signal}


def routes(*signals: Signal) -> dict[str, str]:
    """Where each of `signals` is received, over gRPC and over HTTP."""
    return {paths[signal]: signal for paths in (GRPC_METHODS, HTTP_PATHS) for signal in signals}


class Server:
    """An intake on two ports whose groups get their verdict from `judge`, in one thread.

    `told` counts items whose sender was told that they were taken, `unheard` those whose sender did
    not wait to be told: together they must be what the consumer accepted.
    """

    def __init__(self, *signals: Signal, terms: Terms | None = None, **limits: int) -> None:
        bounds = {"max_grpc_bytes": MIB, "max_http_bytes": MIB, "max_waiting_bytes": 64 * MIB}
        self.intake = Intake(routes=routes(*signals or Signal), **{**bounds, **limits})
        self.ports = [self.intake.listen("127.0.0.1", 0, None, terms) for _ in range(2)]
        self.judge: Callable[[Group], None] = self.accept
        self.accepted: list[Batch] = []
        self.held: queue.SimpleQueue[Group] = queue.SimpleQueue()
        self.told = self.unheard = 0
        self._books = threading.Lock()
        self._end, self._tell_end = os.pipe()
        self._consumer = threading.Thread(target=self._consume, daemon=True)

    @property
    def port(self) -> int:
        """One of the ports, for tests that need no other."""
        return self.ports[0]

    @property
    def items(self) -> int:
        """Items that the consumer accepted."""
        return sum(map(len, self.accepted))

    def accept(self, group: Group) -> None:
        """The verdict that a group is taken."""
        self.accepted.append(Batch(group.batch))
        group.accept()

    def hold(self, group: Group) -> None:
        """No verdict yet: the group waits in `held`."""
        self.held.put(group)

    def next_held(self) -> Group:
        """The next group without a verdict."""
        return self.held.get(timeout=PATIENCE)

    def tell(self, items: int) -> None:
        """Note that a sender has been told that its `items` were taken."""
        with self._books:
            self.told += items

    def counted(self, reason: str) -> int:
        """How many requests the server turned away for `reason`."""
        return self.intake.stats()[reason]

    def ended(self, reason: str) -> int:
        """How many connections the server ended for `reason`."""
        return self.intake.endings()[reason]

    def start(self) -> None:
        self.intake.start()
        self._consumer.start()

    def stop(self, grace: float = PATIENCE) -> None:
        """Stop the intake, then its consumer."""
        self.intake.stop(grace)
        os.write(self._tell_end, b".")
        self._consumer.join()

    def _consume(self) -> None:
        while True:
            ready, _, _ = select.select([self._end, self.intake.fileno()], [], [])
            if self._end in ready:
                return
            self._judge_all()

    def _judge_all(self) -> None:
        for group in self.intake.take():
            self.judge(group)


@contextmanager
def serving(*signals: Signal, terms: Terms | None = None, **limits: int) -> Iterator[Server]:
    """Run a server; at its end no item is lost or doubled, and nothing has panicked."""
    server = Server(*signals, terms=terms, **limits)
    server.start()
    try:
        yield server
    finally:
        server.stop(grace=0)
    assert server.items == server.told + server.unheard
    assert server.counted("panicked") == 0


def eventually(condition: Callable[[], Any]) -> None:
    """Return when `condition` holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)
