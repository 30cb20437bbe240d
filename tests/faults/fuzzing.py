"""cargo-fuzz over the targets in kernel/fuzz, from the seeds that are kept there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[2] / "kernel" / "fuzz"

SEEDS = {
    "json_read": "json",
    "path": "paths",
    "decompress": "compressed",
    "samples": "expositions",
    "remote_write": "write_requests",
    "snappy": "blocks",
    "spans_read": "spans",
    "influx": "influx",
    "push_json": "pushed",
    "statsd": "datagrams",
    "panes": "panes",
    "bulk_answer": "answers",
    "tail_lines": "entries",
    "tail_operators": "entries",
}
"""The seeds of a target, where they are not payloads."""

EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")

VERSION = "0.13"
"""Of cargo-fuzz."""


class Run(NamedTuple):
    """What became of a target."""

    executions: int
    crash: str
    """The end of what was printed, where it crashed."""


def targets() -> list[str]:
    """The names of all targets."""
    return sorted(path.stem for path in (FOLDER / "fuzz_targets").glob("*.rs"))


def missing() -> str:
    """What is needed and not there, or nothing."""
    if not shutil.which("cargo"):
        return "cargo"
    toolchains = _output("rustup", "toolchain", "list") if shutil.which("rustup") else ""
    if "nightly" not in toolchains:
        return "a nightly toolchain: rustup toolchain install nightly"
    installed = shutil.which("cargo-fuzz", path=_environment()["PATH"])
    return "" if installed else "cargo-fuzz: cargo install cargo-fuzz"


def run(target: str, seconds: int) -> Run:
    """Fuzz one target for so long; it is built before, the first time in minutes."""
    corpus = FOLDER / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048"]
    done = subprocess.run(
        [
            "nice",
            "-n",
            "19",
            "cargo",
            "+nightly",
            "fuzz",
            "run",
            target,
            corpus,
            FOLDER / "seeds" / SEEDS.get(target, "payloads"),
            "--",
            *limits,
            "-print_final_stats=1",
        ],
        cwd=FOLDER.parent,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    executed = EXECUTED.search(done.stdout)
    return Run(int(executed[1]) if executed else 0, done.stdout[-4000:] if done.returncode else "")


def _environment() -> dict[str, str]:
    """The targets embed this Python, whose protobuf library is what they compare with."""
    return {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps much for its end
        "LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR") or "",
        "PATH": f"{os.environ['PATH']}{os.pathsep}{Path.home() / '.cargo' / 'bin'}",
        "PYO3_PYTHON": sys.executable,
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
