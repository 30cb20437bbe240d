"""The image, built by buildah and run by podman: neither needs a daemon."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.integration.program import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/running"
"""
SETTINGS = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"] # the engine's may be forbidden
[engine]
runtime = "runc"
"""
REGISTRIES = {
    "/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pip.conf": "/etc/pip.conf",
    "~/.config/pip/pip.conf": "/root/.config/pip/pip.conf",
    "~/.cargo/config.toml": "/usr/local/cargo/config.toml",
}
"""How this machine reaches registries of packages, and where that is looked for in a container."""

BUILD_TIME = 3600
"""Seconds for the kernel with whole-program optimisation, on a busy machine."""


class Engine:
    """Images and containers, kept in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        storage, settings = folder / "storage.conf", folder / "containers.conf"
        storage.write_text(STORAGE.format(folder=folder))
        settings.write_text(SETTINGS)
        self._env = os.environ | {
            "CONTAINERS_STORAGE_CONF": str(storage),
            "CONTAINERS_CONF": str(settings),
            "BUILDAH_ISOLATION": "chroot",
        }
        self.run(ROOT / "tests" / "integration" / "bases.sh", timeout=BUILD_TIME)

    def run(self, *argv: str | Path, timeout: int = 60) -> str:
        """Run a program to its end, which must be a good one, and return what it printed."""
        done = self.attempt(*argv, timeout=timeout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def attempt(self, *argv: str | Path, timeout: int = 60) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            list(map(str, argv)),
            env=self._env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def build(self, tag: str, *options: str) -> str:
        """Build the Dockerfile as it is, as an image of this name, which is returned."""
        mounts = [f"--volume={path}:{inside}:ro" for path, inside in _present(REGISTRIES)]
        what = ["--file=deploy/docker/Dockerfile", "--format=docker", "--pull-never"]
        command = ["nice", "-n19", "buildah", "build", *what, *mounts, *options, f"--tag={tag}"]
        self.run(*command, ".", timeout=BUILD_TIME)
        return tag


def _present(paths: dict[str, str]) -> Iterator[tuple[Path, str]]:
    for path, inside in paths.items():
        if (found := Path(path).expanduser()).is_file():
            yield found, inside


class Container:
    """A container of an image from start to end, with as few rights as the image's README says."""

    def __init__(self, engine: Engine, image: str, settings: dict[str, Any], folder: Path) -> None:
        self.state = folder / "state"
        """A folder that the container's user may write."""
        self.state.mkdir()
        self.state.chmod(0o777)
        file = folder / "penstock.yaml"
        file.write_text(json.dumps(settings))
        rights = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        ports = ["--publish=127.0.0.1::4317", "--publish=127.0.0.1::4318", "--memory=512m"]
        mounts = [
            f"--volume={file}:/etc/penstock/penstock.yaml:ro",
            f"--volume={self.state}:/state",
        ]
        self._engine = engine
        self._id = engine.run("podman", "run", "--detach", *rights, *ports, *mounts, image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.run("podman", "rm", "--force", self._id)

    def port(self, inside: int) -> int:
        """Where a port of the container is reached on this machine's loopback."""
        return int(self._engine.run("podman", "port", self._id, str(inside)).rpartition(":")[2])

    def is_healthy(self) -> bool:
        """What the image's own check says now."""
        check = self._engine.attempt("podman", "healthcheck", "run", self._id)
        return check.returncode == 0

    def wait_until_healthy(self) -> None:
        """Fail with what it has said if that takes too long."""
        eventually(self.is_healthy, self.output)

    def python(self, program: str) -> str:
        """What a Python program prints in the container."""
        return self._engine.run("podman", "exec", self._id, "python", "-c", program)

    def inspect(self) -> dict[str, Any]:
        """What the engine knows of it."""
        (known,) = json.loads(self._engine.run("podman", "inspect", self._id))
        return dict(known)

    def stop(self) -> int:
        """Tell it to stop, as `docker stop --time 30`, and return the exit code."""
        self._engine.run("podman", "stop", "--time=30", self._id)
        return int(self.inspect()["State"]["ExitCode"])

    def output(self) -> str:
        """Everything it has written."""
        done = self._engine.attempt("podman", "logs", self._id)
        return done.stdout + done.stderr
