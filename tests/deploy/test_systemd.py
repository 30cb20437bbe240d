"""The unit for systemd: systemd reads it, and what it forbids Penstock does not need."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from penstock.pipeline.shutdown import SHUTDOWN_TIMEOUT
from tests.pipeline.test_supervisor import CONFIG, heard, listening

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "penstock.service"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)
GET_MDWE = 66
"""Of prctl(2): whether no memory that is written becomes code."""
CONFINED = """
import ctypes, os, sys
prctl, NO_NEW_PRIVILEGES, SET_MDWE = ctypes.CDLL(None).prctl, 38, 65
assert prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == prctl(SET_MDWE, 1, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def analyze(*arguments: str | Path) -> str:
    command = ["systemd-analyze", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/penstock/bin/penstock", sys.executable))
    assert "penstock.service" not in analyze("verify", unit)


@needs_systemd
def test_it_is_among_the_well_confined(tmp_path: Path) -> None:
    found = analyze("security", "--offline=true", "--threshold=20", UNIT)
    assert "OK" in found.splitlines()[-1]


def test_there_is_time_for_the_whole_stop() -> None:
    unit = RawConfigParser(strict=False)
    unit.read(UNIT)
    assert unit.getint("Service", "TimeoutStopSec") > SHUTDOWN_TIMEOUT


def test_it_runs_without_what_the_unit_forbids(tmp_path: Path) -> None:
    if ctypes.CDLL(None).prctl(GET_MDWE, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel cannot forbid memory that becomes code")

    (tmp_path / "agent.yaml").write_text(CONFIG)
    arguments = ["-m", "penstock", "run", "--config", str(tmp_path / "agent.yaml")]
    command = [sys.executable, "-c", CONFINED, *arguments]
    address = str(tmp_path / "notify")
    environ = os.environ | {"NOTIFY_SOCKET": address}
    with (
        listening(address) as manager,
        subprocess.Popen(command, env=environ, umask=0o077) as service,
    ):
        try:
            assert heard(manager).startswith("READY=1")
        finally:
            service.terminate()
    assert service.returncode == 0
