"""Programs that run together: started, awaited, watched and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

PATIENCE = 120.0
"""Seconds after which a program that is not ready will not be: two JVMs start at a time."""

GRACE = 30.0
"""Seconds that a program may take to end: Penstock delivers what it has."""

POLL = 0.1


class Program(NamedTuple):
    """How a program is started, and how to see that it is ready: by a page, or by a port."""

    name: str
    command: Sequence[object]
    page: str = ""
    address: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it does its work."""
        with contextlib.suppress(OSError):
            if self.page:
                urllib.request.urlopen(self.page, timeout=PATIENCE).close()
            if self.address:
                host, _, port = self.address.rpartition(":")
                socket.create_connection((host, int(port)), PATIENCE).close()
            return True
        return False


class Ended(Exception):  # noqa: N818  (it is what happened, whether an error or not)
    """A program is no more, or never was ready; tells the end of its log."""


class Programs:
    """Those that run; as a context manager it ends them all, the last one first."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def start(self, programs: Iterable[Program]) -> None:
        """Start them side by side, and wait until all are ready."""
        programs = list(programs)
        for program in programs:
            self._start(program)
        deadline = time.monotonic() + PATIENCE
        for program in programs:
            self._wait(program, lambda: time.monotonic() < deadline)

    def watch(self) -> None:
        """Return never; raise `Ended` when one has."""
        while True:
            self._expect_all()
            time.sleep(POLL)

    def _start(self, program: Program) -> None:
        with (self._logs / f"{program.name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(word) for word in program.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C ends them in order, not all at once
            )
        self._running.append((program, process))

    def _wait(self, program: Program, go_on: Callable[[], bool]) -> None:
        while not program.is_ready:
            self._expect_all()
            if not go_on():
                raise Ended(self._last_words(program, "is not ready"))
            time.sleep(POLL)

    def _expect_all(self) -> None:
        for program, process in self._running:
            if (code := process.poll()) is not None:
                raise Ended(self._last_words(program, f"has ended with {code}"))

    def _last_words(self, program: Program, what: str) -> str:
        log = self._logs / f"{program.name}.log"
        lines = log.read_text(errors="replace").splitlines()[-10:]
        return "\n  ".join([f"{program.name} {what}. The end of {log}:", *lines])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _, process in reversed(self._running):
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
