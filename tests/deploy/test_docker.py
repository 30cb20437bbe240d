"""The image: what it installs is pinned, what it copies is there, and Penstock is a good PID 1."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.integration.program import eventually, free_ports
from tests.pipeline.test_supervisor import heard, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = re.compile(r"^(\S+)==(\S+)((?: ;[^\n]*)?)(?: \\\n +--hash=sha256:[0-9a-f]{64})+$")
SETTINGS = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}}}
exporters: {{nop: }}
extensions: {{health_check: {{endpoint: "127.0.0.1:{health}"}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}
"""


def pinned(file: str) -> dict[str, str]:
    """The versions of a lock file, by the names of packages."""
    entries = re.split(r"\n(?=\S)", (DOCKER / file).read_text().strip())
    matches = [PINNED.fullmatch(entry) for entry in entries if not entry.startswith("#")]
    assert all(matches), "something has no version or no hash"
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


def needed() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    texts = [it for extra in sorted(everything.extras) for it in extras[extra]]
    return [Requirement(it) for it in [*PROJECT["project"]["dependencies"], *texts]]


def test_all_that_penstock_needs_is_pinned() -> None:
    """If not: `python deploy/docker/lock.py`."""
    versions = pinned("requirements.txt")
    for each in needed():
        version = versions[canonicalize_name(each.name)]
        assert each.specifier.contains(version, prereleases=True), each


def test_what_builds_it_is_pinned() -> None:
    (backend,) = map(Requirement, PROJECT["build-system"]["requires"])
    assert backend.specifier.contains(pinned("build-requirements.txt")[backend.name])


def test_only_what_is_copied_is_sent_to_the_builder_and_it_is_there() -> None:
    copies = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    sent = {path for line in ignored if line[0] == "!" for path in ROOT.glob(line[1:])}
    assert {ROOT / path for copied in copies for path in copied.split()} == sent


def test_penstock_has_no_rights_in_it() -> None:
    image = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", image, re.MULTILINE)
    assert "apt-get" not in image


def of_image(instruction: str) -> list[str]:
    """The words of an instruction that is written as a list."""
    (found,) = re.findall(rf"^{instruction}\b[^\[\n]*(\[.*\])$", DOCKERFILE, re.MULTILINE)
    words: list[str] = json.loads(found)
    return words


@contextmanager
def first_process(
    tmp_path: Path, health: int, *, init: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """The first process of a namespace: started as the image does, or Penstock without an `init`,
    as pods do."""
    file = tmp_path / "penstock.yaml"
    file.write_text(SETTINGS.format(health=health))
    entry = [*of_image("ENTRYPOINT"), *of_image("CMD")[:-1], str(file)]
    at = entry.index("penstock")
    first = [*(entry[:at] if init else []), sys.executable, "-m", *entry[at:]]
    alone = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--map-root-user"]
    address = str(tmp_path / "notify")
    with (
        listening(address) as manager,
        subprocess.Popen(
            [*alone, *first],
            env=os.environ | {"NOTIFY_SOCKET": address},
            cwd=ROOT,
        ) as outer,
    ):
        try:
            assert heard(manager).startswith("READY=1")
            yield outer
        finally:
            outer.kill()


def children(pid: int) -> list[int]:
    return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


needs_namespaces = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", "--map-root-user", "true"],
        capture_output=True,
        check=False,
    ).returncode
    != 0,
    reason="namespaces cannot be made here",
)


needs_tini = pytest.mark.skipif(shutil.which("tini") is None, reason="tini is not installed")


@needs_namespaces
@pytest.mark.parametrize("init", [False, pytest.param(True, marks=needs_tini)])
def test_the_first_process_stops_when_it_is_told_to(tmp_path: Path, *, init: bool) -> None:
    (health,) = free_ports(1)
    with first_process(tmp_path, health, init=init) as outer:
        (first,) = children(outer.pid)
        os.kill(first, signal.SIGTERM)
        assert outer.wait(30) == 0


@needs_namespaces
@needs_tini
def test_what_others_leave_behind_is_cleared_away(tmp_path: Path) -> None:
    """A process whose parent has ended belongs to the first one, which has to wait for it."""
    (health,) = free_ports(1)
    with first_process(tmp_path, health, init=True) as outer:
        (first,) = children(outer.pid)
        inside = ["nsenter", f"--target={first}", "--user", "--pid", "--mount", "sh", "-c"]
        subprocess.run([*inside, "(sleep 0.1 &)"], check=True, timeout=20)
        eventually(lambda: len(children(first)) == 1)


@needs_namespaces
def test_the_health_check_of_the_image_sees_whether_it_runs(tmp_path: Path) -> None:
    (health,) = free_ports(1)
    check = [it.replace("13133", str(health)) for it in of_image("HEALTHCHECK")]
    command = [sys.executable, *check[1:]]
    with first_process(tmp_path, health):
        assert subprocess.run(command, check=False, timeout=20).returncode == 0
    gone = subprocess.run(command, check=False, timeout=20, capture_output=True)
    assert gone.returncode != 0
