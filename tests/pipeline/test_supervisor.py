"""What systemd is told, over a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from penstock.pipeline.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
exporters: {nop: }
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
"""


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(20)
        yield manager


def heard(manager: socket.socket) -> str:
    return manager.recv(1024).decode()


def next_state(manager: socket.socket) -> str:
    """What it is told besides that the service lives."""
    while (said := heard(manager)) == "WATCHDOG=1":
        pass
    return said


def test_a_service_says_that_it_is_ready_alive_reloading_and_stopping(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(CONFIG)
    address = str(tmp_path / "notify")
    command = [sys.executable, "-m", "penstock", "run", "--config", str(tmp_path / "agent.yaml")]
    asked = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"}
    with (
        listening(address) as manager,
        subprocess.Popen(command, env=os.environ | asked) as service,
    ):
        try:
            assert heard(manager) == "READY=1\nSTATUS=Every pipeline runs."
            assert [heard(manager) for _ in range(3)] == ["WATCHDOG=1"] * 3
            service.send_signal(signal.SIGHUP)
            reloading, _, status = next_state(manager).splitlines()
            assert (reloading, status) == ("RELOADING=1", "STATUS=Starting with other settings.")
            assert next_state(manager) == "READY=1\nSTATUS=Every pipeline runs."
            service.send_signal(signal.SIGTERM)
            assert next_state(manager) == "STOPPING=1\nSTATUS=Delivering what is held."
            assert service.wait(20) == 0
        finally:
            service.kill()


def test_a_socket_without_a_file_is_told_too() -> None:
    name = f"penstock-{os.getpid()}"
    with listening(f"\0{name}") as manager:
        Supervisor({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert heard(manager).startswith("STOPPING=1")


@pytest.mark.parametrize(
    "limit",
    [{}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}],
    ids=["none", "another process'", "no number"],
)
def test_without_a_watchdog_of_its_own_it_says_only_that_it_is_ready(
    tmp_path: Path, limit: dict[str, str]
) -> None:
    async def begin() -> None:
        Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")} | limit).ready()
        await asyncio.sleep(0)

    with listening(str(tmp_path / "notify")) as manager:
        asyncio.run(begin())
        assert heard(manager).startswith("READY=1")
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            heard(manager)


def test_a_service_manager_that_is_gone_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    supervisor.stopping()
    supervisor.stopping()
    assert caplog.text.count("The service manager was not told") == 1


def test_without_a_service_manager_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    Supervisor({}).stopping()
    assert not caplog.text
