"""Kafka for a scenario: a broker, and a Penstock beside the load that fills or empties it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.plan import BENCH, RESULTS, ROOT, BenchError
from bench.process import LOAD_CORE, end, free_addresses, listens, on_core

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STARTS_WITHIN = 60.0
POLL = 0.05
ADDRESS = "BENCH_KAFKA"
"""The variable that has the broker's address, for `configs/kafka_*.yaml`."""


@contextmanager
def broker(peers: Path) -> Iterator[None]:
    """A broker that holds nothing yet; servers that are started meanwhile find it."""
    data = RESULTS / "kafka"
    shutil.rmtree(data, ignore_errors=True)
    address, controller = free_addresses(2)
    ports = {"KAFKA_PORT": address, "KAFKA_CONTROLLER_PORT": controller}
    env = {name: each.rpartition(":")[2] for name, each in ports.items()}
    with _running([peers / "kafka.sh", "run", data], env, address):
        os.environ[ADDRESS] = address
        try:
            yield
        finally:
            del os.environ[ADDRESS]


@contextmanager
def emptied(sink: str) -> Iterator[None]:
    """What comes to the broker is passed on to a sink."""
    with _penstock("kafka_empty", {"BENCH_SINK": sink}):
        yield


@contextmanager
def filled() -> Iterator[str]:
    """What is sent to the address that this gives comes to the broker."""
    (address,) = free_addresses(1)
    with _penstock("kafka_fill", {"BENCH_GRPC": address}, address):
        yield address


@contextmanager
def _penstock(config: str, env: dict[str, str], address: str = "") -> Iterator[None]:
    file = BENCH / "configs" / f"{config}.yaml"
    argv: list[str | Path] = [sys.executable, "-m", "penstock", "run", "--config", file]
    with _running(argv, env, address):
        yield


@contextmanager
def _running(argv: list[str | Path], env: dict[str, str], address: str) -> Iterator[None]:
    with (RESULTS / "logs" / "kafka.log").open("ab") as log, on_core(LOAD_CORE):
        process = subprocess.Popen(argv, cwd=ROOT, env=os.environ | env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while address and not listens(address):
            if time.monotonic() > deadline or process.poll() is not None:
                msg = f"{argv[0]} did not start on {address}; see {log.name}"
                raise BenchError(msg)
            time.sleep(POLL)
        yield
    finally:
        end(process)
