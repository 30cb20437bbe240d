"""The stack without containers, as `make stack` starts it: every hop is proven by a query."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.deploy.stack import STACK, VALIDATE, ports
from tests.integration.composed import Composed
from tests.integration.containers import Engine
from tests.integration.peers import CACHE
from tests.integration.program import PATIENCE, Program, free_ports
from tests.integration.service import command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.peers import Peers

BACK_ENDS = ("kafka", "opensearch", "jaeger", "alertmanager", "prometheus")


class Stack(Program):
    """All of it, on ports that were free."""

    def __init__(self, peers: Peers, folder: Path) -> None:
        for name in BACK_ENDS:
            peers.command(name)
        self.env = {
            **variables(),
            "PENSTOCK": " ".join(command()),
            # Recipes lay theirs out as the peers' scripts do, so nothing is installed twice.
            "PENSTOCK_STACK_HOME": str(CACHE),
            "STACK_FOLDER": str(folder),
        }
        super().__init__("stack", [sys.executable, str(STACK / "stack.py")], folder, self.env)

    def ready(self) -> bool:
        """Whether it says so."""
        return "The stack runs" in self.output()

    def processes(self) -> list[int]:
        """Those that have its folder or its variables, and are not itself."""
        mark = f"STACK_FOLDER={self.env['STACK_FOLDER']}\0".encode()
        found = [int(it.name) for it in Path("/proc").iterdir() if it.name.isdigit()]
        return [pid for pid in found if pid != self.pid and mark in _environment(pid)]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""  # it has just ended, or is another user's


@pytest.fixture
def stack(peers: Peers, tmp_path: Path) -> Iterator[Stack]:
    with Stack(peers, tmp_path) as stack:
        yield stack
    assert stack.wait() == 0
    assert stack.processes() == []


def variables() -> dict[str, str]:
    """Ports that were free, for whoever starts a stack or looks at one."""
    found = map(str, free_ports(len(ports())))
    return dict(zip(ports(), found, strict=True)) | {"PACE": "1s"}


def prove(variables: Mapping[str, str]) -> None:
    """Have every hop proven, as a user would."""
    done = subprocess.run(
        [VALIDATE],
        env={**os.environ, **variables, "PATIENCE": "30", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert done.stdout.count("\nok") >= 10, done.stdout


def test_what_is_sent_is_found_behind_every_hop_and_nothing_is_left_running(stack: Stack) -> None:
    assert stack.processes()
    prove(stack.env)


def test_what_does_not_arrive_is_told_and_fails() -> None:
    nobody = dict.fromkeys(ports(), "1")
    done = subprocess.run(
        [VALIDATE], env={**os.environ, **nobody}, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"FAILED  Penstock does not take OTLP at http://127.0.0.1:1")


@pytest.mark.skipif(
    "PENSTOCK_IMAGE" not in os.environ, reason="no folder for images: see test_image"
)
def test_the_stack_in_containers_does_the_same(peers: Peers) -> None:
    for name in BACK_ENDS:
        peers.command(name)
    engine, chosen = Engine(Path(os.environ["PENSTOCK_IMAGE"]).absolute()), variables()
    engine.build("penstock", "--layers")
    with Composed(engine, CACHE, chosen):
        prove(chosen)
