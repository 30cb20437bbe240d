"""StatsD for a scenario: a program that sends datagrams, and those that the system dropped."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plan import BENCH, RESULTS, BenchError
from bench.process import LOAD_CORE, on_core

if TYPE_CHECKING:
    from bench.plan import Scenario

PROGRAM = RESULTS / "datagrams"


def build() -> None:
    """Build the sender; raises `BenchError` where that fails."""
    argv: list[str | Path] = ["go", "build", "-buildvcs=false", "-o", PROGRAM, "."]
    if subprocess.run(argv, cwd=BENCH / "datagrams", check=False).returncode:
        msg = "`go build` failed in bench/datagrams"
        raise BenchError(msg)


def send(scenario: Scenario, address: str, datagrams: int) -> int:
    """Send so many datagrams, and give how many lines those were."""
    argv: list[str | Path] = [
        PROGRAM,
        *("-addr", address),
        *("-n", str(datagrams)),
        *("-lines", str(scenario.items)),
        *("-series", str(scenario.series)),
        *("-rate", str(scenario.rate)),
    ]
    with on_core(LOAD_CORE):
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        msg = f"the sender of datagrams ended with {done.returncode}"
        raise BenchError(msg)
    told: dict[str, Any] = json.loads(done.stdout)
    return int(told["items"])


def dropped(address: str) -> int:
    """How many datagrams to an address the system has dropped for want of room."""
    port = int(address.rpartition(":")[2])
    rows = (line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:])
    return sum(int(row[-1]) for row in rows if int(row[1].rpartition(":")[2], 16) == port)
