"""The load program: built once, it sends payloads to a server and counts what comes out of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bench.plan import RESULTS, ROOT, BenchError, Scenario
from bench.process import LOAD_CORE, end, free_addresses, listens, on_core

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE_EVERY = 1.0
STALLED_AFTER = 20.0  # longer than a first retry, so that a retried batch still counts
POLL = 0.02


@dataclass(frozen=True, slots=True)
class Sent:
    """What a round of requests came to: items delivered to the server, and answer times in ms."""

    items: int
    seconds: float
    p50_ms: float
    p99_ms: float


class Sink(ABC):
    """Takes everything at its `address` and counts it; use it as a context manager."""

    address: str

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    @abstractmethod
    def count(self, signal: str) -> int:
        """How many items of a signal have arrived since the start."""

    def wait_for(self, signal: str, expected: int) -> None:
        """Wait until `expected` items of `signal` have arrived since the start.

        Raises `BenchError` if they stop coming before that, or if more have come.
        """
        seen, deadline = 0, time.monotonic() + STALLED_AFTER
        while seen < expected and time.monotonic() < deadline:
            time.sleep(POLL)
            now = self.count(signal)
            if now > seen:
                seen, deadline = now, time.monotonic() + STALLED_AFTER
        _require(seen, expected, signal)

    def require_exactly(self, signal: str, expected: int) -> None:
        """Check the count once the server has stopped, when nothing more can come.

        Raises `BenchError` for any other number of items, and for malformed requests.
        """
        _require(self.count(signal), expected, signal)


class OtlpSink(Sink):
    """Takes OTLP by gRPC."""

    def __init__(self, program: Path) -> None:
        self.address = free_addresses(1)[0]
        self._counts = RESULTS / "sink.json"
        self._counts.unlink(missing_ok=True)
        argv: list[str | Path] = [program, "sink", "-addr", self.address, "-out", self._counts]
        with on_core(LOAD_CORE):
            self._process = subprocess.Popen(argv)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + STALLED_AFTER
        while not listens(self.address):
            if time.monotonic() > deadline or self._process.poll() is not None:
                end(self._process)
                msg = f"the sink did not start on {self.address}"
                raise BenchError(msg)
            time.sleep(POLL)
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    def count(self, signal: str) -> int:
        """How many items of a signal have arrived since the start."""
        return self._read().get(signal, 0)

    def require_exactly(self, signal: str, expected: int) -> None:
        """As of any sink; raises `BenchError` for malformed requests as well."""
        for _ in range(2):  # the write under way may hold older counts, the one after it cannot
            self._wait_for_write()
        super().require_exactly(signal, expected)
        if malformed := self.count("malformed"):
            msg = f"the sink received {malformed} malformed requests"
            raise BenchError(msg)

    def _wait_for_write(self) -> None:
        before, deadline = self._counts.stat().st_mtime_ns, time.monotonic() + STALLED_AFTER
        while self._counts.stat().st_mtime_ns == before:
            if time.monotonic() > deadline:
                msg = "the sink stopped writing its counts"
                raise BenchError(msg)
            time.sleep(POLL)

    def _read(self) -> dict[str, int]:
        with contextlib.suppress(FileNotFoundError):
            counts: dict[str, int] = json.loads(self._counts.read_bytes())
            return counts
        return {}


class Load:
    """The built load program and the payloads written for it."""

    def __init__(self) -> None:
        self._source = Path(ROOT, os.environ.get("PENSTOCK_LOAD", "../shared/load")).resolve()
        self._program = RESULTS / "load"

    def build(self) -> None:
        """Compile the program; raises `BenchError` that names what is missing."""
        if not (self._source / "main.go").exists():
            msg = f"there is no load program in {self._source}; set PENSTOCK_LOAD to its folder"
            raise BenchError(msg)
        if not shutil.which("go"):
            msg = "`go` is not on PATH; the load program is built with it"
            raise BenchError(msg)
        RESULTS.mkdir(exist_ok=True)
        argv: list[str | Path] = ["go", "build", "-buildvcs=false", "-o", self._program, "."]
        if subprocess.run(argv, cwd=self._source, check=False).returncode:
            msg = f"`go build` failed in {self._source}"
            raise BenchError(msg)

    def sink(self) -> OtlpSink:
        """Start a sink that has counted nothing yet."""
        return OtlpSink(self._program)

    def send(
        self,
        scenario: Scenario,
        address: str,
        requests: int,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Sent:
        """Send the scenario's request `requests` times; call `meanwhile` once a second.

        Raises `BenchError` if any was not answered with success.
        """
        argv = [self._program, "send", *self._flags(scenario, address), "-n", str(requests)]
        with on_core(LOAD_CORE):
            sending = subprocess.Popen(argv, stdout=subprocess.PIPE)
        try:
            answer = _answer(sending, meanwhile)
        finally:
            end(sending)
        if answer["failed"]:
            msg = f"{answer['failed']} of {requests} requests failed: {answer['errors']}"
            raise BenchError(msg)
        return Sent(answer["items"], answer["seconds"], answer["ms_p50"], answer["ms_p99"])

    def _flags(self, scenario: Scenario, address: str) -> list[str | Path]:
        return [
            *("-addr", address),
            *("-file", self._payload(scenario.signal, scenario.items)),
            *("-signal", scenario.signal),
            *("-c", str(scenario.connections)),
            *("-rate", str(scenario.rate)),
            f"-http={scenario.http}",
            f"-gzip={scenario.gzip}",
        ]

    def _payload(self, signal: str, items: int) -> Path:
        path = RESULTS / "payloads" / f"{signal}-{items}.bin"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            writer = self._source / "payload.py"
            argv: list[str | Path] = [sys.executable, writer, signal, str(items), path]
            if subprocess.run(argv, check=False).returncode:
                path.unlink(missing_ok=True)
                msg = "a payload could not be written; install the extra: pip install -e '.[dev]'"
                raise BenchError(msg)
        return path


def _require(delivered: int, expected: int, signal: str) -> None:
    if delivered != expected:
        msg = f"{expected} items ({signal}) were accepted, {delivered} delivered"
        raise BenchError(msg)


def _answer(sending: subprocess.Popen[bytes], meanwhile: Callable[[], None]) -> dict[str, Any]:
    while True:
        try:
            output, _ = sending.communicate(timeout=SAMPLE_EVERY)
        except subprocess.TimeoutExpired:
            meanwhile()
        else:
            break
    if sending.returncode:
        msg = f"the load program ended with {sending.returncode}"
        raise BenchError(msg)
    answer: dict[str, Any] = json.loads(output)
    return answer
