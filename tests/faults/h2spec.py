"""h2spec, the conformance tests of HTTP/2, against our port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from tests.integration.peers import CACHE

MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"

EXPLAINED = {
    "http2/3.5 Sends invalid connection preface": "what does not begin with HTTP/2's preface is "
    "HTTP/1 on the same port: it is answered 400 in HTTP/1 before its connection is closed",
}
"""Cases that fail and should, with the reason."""

TRIES = 5
"""What is refused for its head is answered at once, and a case may find that answer before what it
provoked: it fails if it does so each time."""

LARGE_FRAMES = ("http2/4.2/3", "--max-header-length", "300000")
"""A case that presumes frames of 16 KiB and sends 20: ours are 1 MiB, so it is run with more."""

TLS = ("--tls", "--insecure")
"""Options for a port that speaks TLS with a certificate of the test."""


class Verdict(NamedTuple):
    """What h2spec found."""

    passed: int
    explained: int
    """Cases that failed for a known reason."""
    failed: dict[str, str]
    """What was expected and found in the others."""


def program() -> Path | None:
    """Where h2spec is, if it is installed."""
    found = shutil.which("h2spec", path=f"{_folder()}{os.pathsep}{os.environ['PATH']}")
    return Path(found) if found else None


def install() -> Path:
    """Build h2spec in the cache that the peers share, unless it is there; it needs Go."""
    found = program()
    if found is None:
        subprocess.run(
            ["go", "install", MODULE], env={**os.environ, "GOBIN": str(_folder())}, check=True
        )
    return found or _folder() / "h2spec"


def check(h2spec: Path, port: int, *options: str) -> Verdict:
    """Run every case against a port; `options` are h2spec's own."""
    cases = _run(h2spec, port, *options)
    cases |= _run(h2spec, port, *LARGE_FRAMES, *options)
    for _ in range(TRIES - 1):
        for section in {name.split()[0] for name, fault in cases.items() if fault}:
            again = _run(h2spec, port, section, *options)
            cases |= {name: fault for name, fault in again.items() if cases[name]}
    faults = {name: fault for name, fault in cases.items() if fault}
    failed = {name: fault for name, fault in faults.items() if name not in EXPLAINED}
    return Verdict(len(cases) - len(faults), len(faults) - len(failed), failed)


def _folder() -> Path:
    return CACHE / "bin"


def _run(h2spec: Path, port: int, *arguments: str) -> dict[str, str]:
    """The cases that were run, each with its fault or nothing."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        subprocess.run(
            [
                h2spec,
                "--strict",
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-P",
                "/v1/traces",
                "-j",
                report.name,
                *arguments,
            ],
            stdout=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        cases = ET.parse(report.name).iter("testcase")
        return {f"{case.get('package')} {case.get('classname')}": _fault(case) for case in cases}


def _fault(case: ET.Element) -> str:
    fault = next((part for part in case if part.tag in {"failure", "error"}), None)
    return "" if fault is None else "".join(fault.itertext()).strip() or "it failed"
