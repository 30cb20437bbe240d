"""One server process: start it on its own core, see when it answers, read what it used."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from bench.plan import RESULTS, ROOT, BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
READY_WITHIN = 60.0
STOP_WITHIN = 30.0
POLL = 0.002  # fine enough for a start-up time in hundredths of a second
KIB_PER_MB = 1024
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Let what is started inside run on `core` only, from its first instruction."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_addresses(count: int) -> list[str]:
    """Find `count` different addresses on the loopback that nothing listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def listens(address: str) -> bool:
    """Whether a connection to `address` is accepted."""
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask `process` to stop; end it if it does not."""
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class ServerProcess:
    """A server from start to stop; use it as a context manager.

    `started` is the time of the start on the monotonic clock.
    """

    def __init__(self, name: str, argv: list[str], *, sink: str) -> None:
        self.name = name
        self.grpc, self.http = free_addresses(2)
        addresses = {"BENCH_GRPC": self.grpc, "BENCH_HTTP": self.http, "BENCH_SINK": sink}
        self._log = RESULTS / "logs" / f"{name}.log"
        self.started = time.monotonic()
        with _opened(self._log) as log, on_core(SERVER_CORE):
            self._process = subprocess.Popen(
                argv, cwd=ROOT, env=os.environ | addresses, stdout=log, stderr=log
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    def wait_until_ready(self) -> float:
        """Wait until an empty request is answered; give the seconds since the start.

        Raises `BenchError` with the last line of the server's log if that does not come.
        """
        while time.monotonic() < self.started + READY_WITHIN:
            if self._answers():
                return time.monotonic() - self.started
            if self._process.poll() is not None:
                raise BenchError(self._complaint(f"ended with {self._process.returncode}"))
            time.sleep(POLL)
        raise BenchError(self._complaint(f"did not answer within {READY_WITHIN:.0f} s"))

    def cpu_seconds(self) -> float:
        """Processor time so far, user and system, of the process, its threads and its children."""
        return sum(_ticks(pid) for pid in _tree(self.pid)) / TICKS_PER_SECOND

    def resident_mb(self) -> float:
        """Resident memory now, in MB, children included."""
        return sum(_status_kib(pid, "VmRSS") for pid in _tree(self.pid)) / KIB_PER_MB

    def peak_mb(self) -> float:
        """Peak resident memory since the start, in MB, children included."""
        return sum(_status_kib(pid, "VmHWM") for pid in _tree(self.pid)) / KIB_PER_MB

    def _answers(self) -> bool:
        connection = HTTPConnection(self.http, timeout=1)
        headers = {"Content-Type": "application/x-protobuf"}
        try:
            connection.request("POST", "/v1/traces", body=b"", headers=headers)
            return connection.getresponse().status == 200 and listens(self.grpc)  # noqa: PLR2004
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _complaint(self, what: str) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it wrote nothing")
        return f"{self.name} {what}: {last.strip()} (all of it: {self._log.relative_to(ROOT)})"


def _opened(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


def _tree(pid: int) -> Iterator[int]:
    yield pid
    found: list[str] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            found += children.read_text().split()
    for child in found:
        yield from _tree(int(child))


def _ticks(pid: int) -> int:
    """User and system time of a process, and of those of its children that have ended."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:15]))  # fields 14 to 17 of proc(5)


def _status_kib(pid: int, field: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field))
