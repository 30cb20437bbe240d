"""The stack in containers: each service of compose.yaml as compose would start it, by podman."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.deploy.stack import COMPOSE, services_with
from tests.integration.program import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.containers import Engine

STAND_INS = Path(__file__).parent / "stand_ins.sh"
NETWORK = "penstock-stack"
SUBNET = "10.89.201"
ABSENT = {"grafana"}
"""Those for whose image there is no stand-in."""


class Composed:
    """A running stack whose ports on this machine are those that the variables say."""

    def __init__(self, engine: Engine, programs: Path, variables: Mapping[str, str]) -> None:
        self._engine = engine
        self._services = services_with(variables)
        self._addresses = {it: f"{SUBNET}.{n}" for n, it in enumerate(self._services, 10)}
        self._started: list[str] = []
        engine.run(STAND_INS, programs, timeout=600)

    def __enter__(self) -> Self:
        self._engine.run("podman", "network", "create", f"--subnet={SUBNET}.0/24", NETWORK)
        try:
            for name in self._services.keys() - ABSENT:
                self._start(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(self._started):
            self._engine.run("podman", "rm", "--force", "--volumes", "--time=30", _id(name))
        self._engine.run("podman", "network", "rm", NETWORK)
        self._engine.run("podman", "volume", "prune", "--force")

    def _start(self, name: str) -> None:
        if name in self._started:
            return
        service = self._services[name]
        for other in service.get("depends_on", {}):
            self._start(other)
        for other, how in service.get("depends_on", {}).items():
            self._wait(other, how["condition"])
        words = [*_arguments(service), *self._network(name), f"--name={_id(name)}"]
        image = service["image"]
        command = service.get("command", [])
        self._engine.run("podman", "run", "--detach", "--pull=never", *words, image, *command)
        self._started.append(name)

    def _network(self, name: str) -> Iterator[str]:
        yield f"--network={NETWORK}"
        yield f"--ip={self._addresses[name]}"
        for other, address in self._addresses.items():
            yield f"--add-host={other}:{address}"

    def _wait(self, name: str, condition: str) -> None:
        if condition == "service_healthy":
            eventually(lambda: self._is_healthy(name), lambda: self.output(name))
        else:
            assert self._engine.run("podman", "wait", _id(name)) == "0", self.output(name)

    def _is_healthy(self, name: str) -> bool:
        """What the service's own check says, or that of its image."""
        test = self._services[name].get("healthcheck", {}).get("test")
        words = ["exec", _id(name), *test[1:]] if test else ["healthcheck", "run", _id(name)]
        return self._engine.attempt("podman", *words).returncode == 0

    def output(self, name: str) -> str:
        """Everything that a service has written."""
        done = self._engine.attempt("podman", "logs", _id(name))
        return done.stdout + done.stderr


def _id(name: str) -> str:
    return f"{NETWORK}-{name}"


def _arguments(service: Mapping[str, Any]) -> Iterator[str]:
    if service.get("read_only"):
        yield from ("--read-only", "--read-only-tmpfs=false")
    yield from (f"--cap-drop={it}" for it in service["cap_drop"])
    yield "--security-opt=no-new-privileges"
    yield f"--memory={service['mem_limit']}"
    if "user" in service:
        yield f"--user={service['user']}"
    if "entrypoint" in service:
        yield f"--entrypoint={json.dumps(service['entrypoint'])}"
    if service.get("healthcheck", {}).get("disable"):
        yield "--no-healthcheck"
    yield from (f"--env={name}={it}" for name, it in service.get("environment", {}).items())
    yield from (f"--publish={it}" for it in service.get("ports", []))
    yield from (f"--volume={_mount(it)}" for it in service.get("volumes", []))


def _mount(volume: str) -> str:
    source, _, rest = volume.partition(":")
    if source.startswith("."):
        return f"{(COMPOSE.parent / source).resolve()}:{rest}"
    return f"{NETWORK}-{volume}"
