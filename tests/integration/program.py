"""Programs that tests start, and what they wait for."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which what should have happened has not: a JVM on a busy machine takes several."""


def eventually(condition: Callable[[], T], state: Callable[[], object] = lambda: "") -> T:
    """Poll until `condition` gives something true, and return it; `state` tells how far it got."""
    deadline = time.monotonic() + PATIENCE
    while not (result := condition()):
        assert time.monotonic() < deadline, state()
        time.sleep(0.01)
    return result


def free_ports(count: int) -> list[int]:
    """Different ports of the loopback that nothing listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def fetch(url: str) -> bytes | None:
    """What a page holds; `None` where it is not there or nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            content: bytes = answer.read()
            return content
    except OSError:  # refused, reset, timed out, or an answer of 400 and above
        return None


class Program:
    """A process from start to end; use it as a context manager, which waits until it is `ready`.

    It writes to `<folder>/<name>.log`. At the end it is told to stop and, where that does not help,
    killed.
    """

    def __init__(
        self, name: str, argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._name = name
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            self._process = _start(argv, log, {**os.environ, **(env or {})})

    @property
    def pid(self) -> int:
        """The process' id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def ready(self) -> bool:
        """Whether it does its work."""
        return True

    def __enter__(self) -> Self:
        try:
            self.wait_until(self.ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait_until(self, ready: Callable[[], T]) -> T:
        """Poll until `ready` gives something true, and return it; fail if the process ends."""

        def alive_and_ready() -> T:
            result = ready()
            assert result or self.is_alive, self.output()
            return result

        return eventually(alive_and_ready, self.output)

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        return self._process.wait(PATIENCE)

    def output(self) -> str:
        """Everything it has written so far, on either stream."""
        return self._log.read_text(errors="replace")

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


def _start(argv: Sequence[str], log: IO[bytes], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def complete(argv: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end, which must be a good one, and return what it wrote."""
    done = subprocess.run(
        argv,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
