"""The stack in containers, as the programs read it that are in them, and compose itself.

There are no images here of others to be started; their options and files are given to the same
programs of the same versions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.deploy.stack import COMPOSE, services, write_settings
from tests.integration.peers import CACHE
from tests.integration.program import complete

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.peers import Peers

LOADER = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
"""What Docker Compose reads its files with."""
OF_IMAGE = {"KAFKA_HEAP_OPTS"}
"""Variables of Kafka's image that are none of the broker's options."""


@pytest.fixture(scope="module")
def loader() -> str:
    """The loader as a program, which takes some seconds to build."""
    version = LOADER.rpartition("@")[2]
    program = CACHE / "bin" / f"compose-{version}"
    if not program.exists():
        environment = {**os.environ, "GOBIN": str(program.parent / f"{program.name}.new")}
        subprocess.run(["go", "install", LOADER], env=environment, timeout=600, check=True)
        shutil.move(program.parent / f"{program.name}.new" / "cmd", program)
    return str(program)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the service of that name writes."""
    folder = tmp_path_factory.mktemp("settings")
    write_settings(folder, {**os.environ, **services()["settings"]["environment"]})
    return folder


def test_compose_reads_it_and_finds_what_the_tests_find(loader: str) -> None:
    found = yaml.safe_load(complete([loader, str(COMPOSE)]))
    assert found["services"].keys() == services().keys()
    for name, service in services().items():
        assert found["services"][name].get("environment", {}) == service.get("environment", {})
        assert found["services"][name]["mem_limit"] == service["mem_limit"]


def test_compose_refuses_what_does_not_exist(loader: str, tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE.read_text().replace("mem_limit:", "memory_limit:"))
    done = subprocess.run([loader, file], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "memory_limit" in done.stdout + done.stderr


def test_prometheus_and_alertmanager_take_what_is_written_for_them(
    peers: Peers, settings: Path
) -> None:
    prometheus, alertmanager = settings / "prometheus", settings / "alertmanager"
    promtool, amtool = peers.command("prometheus", "tool"), peers.command("alertmanager", "tool")
    complete([*promtool, "check", "config", str(prometheus / "prometheus.yml")])
    complete([*amtool, "check-config", str(alertmanager / "alertmanager.yml")])


@pytest.mark.parametrize(
    ("service", "program"),
    [
        ("jaeger", "jaeger-all-in-one"),
        ("prometheus", "prometheus"),
        ("alertmanager", "alertmanager"),
    ],
)
def test_a_program_has_the_options_that_it_is_given(
    peers: Peers, service: str, program: str
) -> None:
    peers.command(service)  # installs it
    shown = complete([str(CACHE / "bin" / program), "--help"])
    given = {re.match(r"--[a-z.-]+", word) for word in services()[service]["command"]}
    assert {option[0] for option in given if option} <= set(re.findall(r"--[a-z.-]+", shown))


def test_the_check_of_prometheus_health_is_one(peers: Peers) -> None:
    _, _, *words = services()["prometheus"]["healthcheck"]["test"]
    complete([*peers.command("prometheus", "tool"), *words, "--help"])


def test_kafka_takes_the_options_of_its_container(peers: Peers, tmp_path: Path) -> None:
    peers.command("kafka")  # installs it
    options = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in services()["kafka"]["environment"].items()
        if name not in OF_IMAGE
    }
    options["log.dirs"] = str(tmp_path / "data")
    file = tmp_path / "server.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in options.items()))
    (jars,) = CACHE.glob("kafka-*/libs")
    tool = ["java", "-cp", f"{jars}/*", "kafka.tools.StorageTool", "format"]
    shown = complete([*tool, "--cluster-id", "A" * 21 + "Q", "--config", str(file)])
    assert "Formatting" in shown
