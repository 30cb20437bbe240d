"""YAML bombs cost next to nothing, and large text costs what it weighs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.bombs import BOMBS, LARGE

ROOT = Path(__file__).parents[2]
SECONDS, MIB = 0.1, 50
LARGE_SECONDS = 1.0


@pytest.fixture(scope="module")
def costs() -> dict[str, tuple[bool, float, float]]:
    """By bomb: whether it was refused, its seconds of CPU and the MiB it took."""
    command = [sys.executable, "-m", "tests.config.bombs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: (refused, seconds, mib) for name, refused, seconds, mib in rows}


@pytest.mark.parametrize("bomb", [*BOMBS, *LARGE])
def test_bomb_is_refused_before_it_takes_time_or_memory(
    bomb: str, costs: dict[str, tuple[bool, float, float]]
) -> None:
    refused, seconds, mib = costs[bomb]

    assert refused
    assert seconds <= (SECONDS if bomb in BOMBS else LARGE_SECONDS)
    assert mib <= MIB
