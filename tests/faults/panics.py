"""A kernel that panics when a request asks for it, to prove that it stays contained."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import grpc

from penstock.pipeline import Signal
from tests.receivers.clients import post
from tests.receivers.raw_http2 import H2Sender, framed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.victim import Victim

INTERNAL = grpc.StatusCode.INTERNAL.value[0]

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "kernel" / "target" / "deliberate-panic"


def build() -> Path:
    """Build the kernel with panics on request, which takes a minute the first time."""
    environment = {"PYO3_PYTHON": sys.executable, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    subprocess.run(
        [
            "cargo",
            "build",
            "--quiet",
            "--lib",
            "--features",
            "deliberate-panic",
            "--manifest-path",
            str(ROOT / "kernel" / "Cargo.toml"),
            "--target-dir",
            str(TARGET),
        ],
        env={**os.environ, **environment},
        check=True,
    )
    return TARGET / "debug" / "lib_kernel.so"


@contextmanager
def instead_of_the_kernel(kernel: Path, folder: Path) -> Iterator[None]:
    """Let programs that are started meanwhile run this checkout's package with that kernel."""
    package = folder / "penstock"
    package.mkdir()
    for part in (ROOT / "penstock").iterdir():
        if not part.name.startswith("_kernel"):
            package.joinpath(part.name).symlink_to(part)
    shutil.copy(kernel, package / "_kernel.abi3.so")
    # Without -P, Python would look into the current folder first.
    command = f"env PYTHONPATH={folder} {sys.executable} -P -m penstock"
    with mock.patch.dict(os.environ, PENSTOCK=command):
        yield


class Answers(NamedTuple):
    """What was said to requests that asked for a panic."""

    asked: int
    wrong: list[str]


def ask_for_panics(victim: Victim, times: int = 20) -> Answers:
    """Ask for a panic in a parser, over gRPC and HTTP, and for one in the handler."""
    wrong = []
    for _ in range(times):
        with H2Sender(victim.ports.grpc) as sender:
            code = sender.grpc(Signal.TRACES, framed(b"panic")).grpc_code
        status = post(victim.ports.http, "/v1/traces", b"panic").status
        if (code, status) != (INTERNAL, 500):
            wrong.append(f"code {code}, status {status}")
        with suppress(ConnectionError, HTTPException):  # it costs its sender the connection
            wrong.append(f"status {post(victim.ports.http, '/panic', b'').status}")
    return Answers(3 * times, wrong)
