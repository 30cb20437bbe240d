"""The stack in containers: what it mounts is there, whom it names is part of it, all is bounded."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from penstock.cli.commands import app
from tests.deploy.rules import DEPLOY, ROOT, load
from tests.deploy.stack import COMPOSE, STACK, mounts, ports, services, write_settings
from tests.deploy.test_docker import pinned
from tests.deploy.test_stack import DEMOS

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(services())
PLACE = re.compile(r"\b([a-z][a-z-]*):\d+")
WRITING = {"kafka", "opensearch"}
"""Those whose images cannot do with a root that is read only."""
VERSION = re.compile(r"^VERSION=v?([\d.]+)", re.MULTILINE)
RELEASES = {"3.15.0": "0.315.0"}
"""Of Prometheus: releases whose Go module has another number."""


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [str(value)]


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_no_rights_and_a_bound(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"].endswith("m")
    assert service.get("read_only", False) != (name in WRITING)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_reached_from_its_machine_alone(name: str) -> None:
    for published in services()[name].get("ports", []):
        host, port, inside = published.split(":")
        assert host == "127.0.0.1"
        assert inside.removesuffix("/udp") == port


def test_a_port_is_that_of_the_stack_without_containers() -> None:
    found = dict(re.findall(r"\$\{([A-Z_]+_PORT):-(\d+)\}", COMPOSE.read_text()))
    assert found
    assert {name: int(port) for name, port in found.items()}.items() <= ports().items()


@pytest.mark.parametrize("name", NAMES)
def test_what_a_service_mounts_is_there(name: str) -> None:
    found = mounts(services()[name])
    assert [str(path) for path in found.values() if not path.exists()] == []
    for word in [*services()[name].get("entrypoint", []), *services()[name].get("command", [])]:
        for place, path in found.items():
            if word.startswith(f"{place}/"):
                assert (path / word.removeprefix(f"{place}/")).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_whom_a_service_names_is_one_of_the_stack(name: str) -> None:
    environment = texts(services()[name].get("environment", {}))
    assert {host for text in environment for host in PLACE.findall(text)} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_whoever_is_waited_for_tells_its_health_or_its_end(name: str) -> None:
    waited = services()[name].get("depends_on", {})
    for other, how in waited.items():
        health = services()[other].get("healthcheck", {})
        if how["condition"] == "service_healthy":
            assert other == "penstock" or health["test"]  # its image has a check
        else:
            assert services()[other]["restart"] == "no"


@pytest.mark.parametrize("recipe", ["kafka", "opensearch", "prometheus", "alertmanager", "jaeger"])
def test_an_image_has_the_version_that_is_tested(recipe: str) -> None:
    (version,) = VERSION.findall((STACK / f"{recipe}.sh").read_text())
    tag = services()[recipe]["image"].partition(":")[2].removeprefix("v")
    assert RELEASES.get(tag, tag) == version


def test_every_system_is_there() -> None:
    commands = {service.get("command", [""])[0] for service in services().values()}
    assert {f"/demo/{name}.py" for name in DEMOS} <= commands


def test_the_image_has_what_the_systems_need() -> None:
    versions = pinned("requirements.txt")
    for line in (DEPLOY / "demo/requirements.txt").read_text().splitlines():
        needed = Requirement(line)
        assert needed.specifier.contains(versions[needed.name]), line


def test_penstock_takes_its_settings_there(monkeypatch: pytest.MonkeyPatch) -> None:
    service = services()["penstock"]
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    (file,) = mounts(service).values()
    done = CliRunner().invoke(app, ["validate", "--config", str(file)])
    assert (done.exit_code, done.output) == (0, done.output)
    shown = CliRunner().invoke(app, ["print-config", "--config", str(file)]).output
    assert "127.0.0.1" not in re.sub(r"#.*", "", shown)


def test_prometheus_scrapes_and_tells_services_of_the_stack(tmp_path: Path) -> None:
    write_settings(tmp_path, {**os.environ, **services()["settings"]["environment"]})
    files = tmp_path.glob("prometheus/targets/**/*.yml")
    found = [target for file in files for group in load(file) for target in group["targets"]]
    assert sorted(found) == ["alertmanager:9093", "penstock:8888", "penstock:8889"]


def test_secrets_are_files_that_are_not_committed() -> None:
    for secret in load(COMPOSE)["secrets"].values():
        place = (COMPOSE.parent / secret["file"]).relative_to(ROOT)
        assert f"/{place}" in (ROOT / ".gitignore").read_text().splitlines()
    words = [text for name in NAMES for text in services()[name].get("environment", {})]
    assert [word for word in words if re.search(r"PASSWORD$|TOKEN$|SECRET$", word)] == []
