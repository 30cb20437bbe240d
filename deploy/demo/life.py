"""What the programs beside this share: services that tell of themselves, and what happens in them.

Things are told when they are over, with the times at which they would have begun and ended, so that
nobody waits for anything. Chance is seeded: every run lives the same life.
"""

from __future__ import annotations

import argparse
import heapq
import logging
import math
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

from telling import Service

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ.setdefault("OTEL_BSP_SCHEDULE_DELAY", "1000")
os.environ.setdefault("OTEL_BLRP_SCHEDULE_DELAY", "1000")
os.environ.setdefault("OTEL_METRIC_EXPORT_INTERVAL", "5000")
os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", "3")

LOG = logging.getLogger("demo")

Either = tuple[float, float]
"""What a number is while all is well, and during an incident."""

TIDE = 600.0
"""Seconds from one high of what rises and falls to the next."""

EVENNESS = 0.3
"""By which share of its time something may come earlier or later."""


class Life:
    """What happens in a system again and again, until somebody stops it."""

    def __init__(self, system: str, description: str) -> None:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        given = _read_arguments(description)
        self.chance = random.Random(system)  # noqa: S311  (nobody is to be kept from guessing)
        self.is_bad = given.incident
        self._system = system
        self._rate: float = given.rate
        self._end = time.monotonic() + given.seconds
        self._services: list[Service] = []
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._stopped = threading.Event()

    def service(self, name: str) -> Service:
        """A service of the system."""
        service = Service(self._system, name)
        self._services.append(service)
        return service

    def now(self, either: Either) -> float:
        """Which of both numbers holds."""
        return either[self.is_bad]

    def happens(self, share: Either) -> bool:
        """Whether something happens that does in this share of the cases."""
        return self.chance.random() < self.now(share)

    def about(self, either: Either, spread: float = 0.1) -> float:
        """Something near that number, which rises and falls with the tide."""
        tide = math.sin(2 * math.pi * time.time() / TIDE)
        return self.now(either) * (1 + spread * (tide + self.chance.uniform(-1, 1)) / 2)

    def takes(self, median: Either, spread: float = 0.4) -> float:
        """How many seconds something takes that mostly takes so many, and now and then far more."""
        return self.chance.lognormvariate(math.log(self.now(median)), spread)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen once, in so many seconds."""
        heapq.heappush(self._coming, (time.monotonic() + seconds, next(self._order), act))

    def every(self, seconds: Either, act: Callable[[], None]) -> None:
        """Have something happen again and again."""

        def again() -> None:
            act()
            self.later(self._pause(seconds), again)

        self.later(self._pause(seconds) * self.chance.random(), again)

    def _pause(self, seconds: Either) -> float:
        return self.now(seconds) / self._rate * self.chance.uniform(1 - EVENNESS, 1 + EVENNESS)

    def run(self) -> None:
        """Live until the time is over, or SIGTERM or Ctrl-C; then tell what is not yet told."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopped.set())
        signal.signal(signal.SIGUSR1, lambda *_: self._turn())
        while not self._stopped.is_set() and self._coming[0][0] < self._end:
            if not self._stopped.wait(max(0, self._coming[0][0] - time.monotonic())):
                heapq.heappop(self._coming)[-1]()
        stops = [stop for service in self._services for stop in service.stops]
        with ThreadPoolExecutor(len(stops)) as pool:  # each waits for seconds if nobody listens
            for stop in stops:
                pool.submit(stop)

    def _turn(self) -> None:
        self.is_bad = not self.is_bad
        LOG.info("%s: %s", self._system, "an incident" if self.is_bad else "all is well")


def _read_arguments(description: str) -> Any:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="how long to live; for ever, if not said"
    )
    parser.add_argument("--rate", type=float, default=1, help="how many times as much happens (1)")
    parser.add_argument(
        "--incident",
        action="store_true",
        help="begin with an incident; SIGUSR1 begins and ends one, too",
    )
    return parser.parse_args()
