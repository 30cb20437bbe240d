"""The image as it is: built from the Dockerfile, run without rights, and stopped.

It takes ten minutes and root on Debian, so it has to be asked for: `PENSTOCK_IMAGE` names a folder
for images, of some gigabytes, where what has been built is found again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.containers import Container, Engine
from tests.integration.load import SPANS, Load

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    "PENSTOCK_IMAGE" not in os.environ, reason="PENSTOCK_IMAGE names no folder for images"
)

PAGE = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:8888/metrics').read().decode())"
READER = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": 8888}}}}
SETTINGS: dict[str, Any] = {
    "receivers": {
        "otlp": {
            "protocols": {
                "grpc": {"endpoint": "0.0.0.0:4317"},
                "http": {"endpoint": "0.0.0.0:4318"},
            }
        }
    },
    "processors": {
        "memory_limiter": {
            "check_interval": "1s",
            "limit_percentage": 75,
            "spike_limit_percentage": 25,
        },
        "batch": {"timeout": "1h"},
    },
    "exporters": {"file": {"path": "/state/spans.json"}},
    "extensions": {"health_check": {}},
    "service": {
        "extensions": ["health_check"],
        "telemetry": {"metrics": {"readers": [READER]}},
        "pipelines": {
            "traces": {
                "receivers": ["otlp"],
                "processors": ["memory_limiter", "batch"],
                "exporters": ["file"],
            }
        },
    },
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Path(os.environ["PENSTOCK_IMAGE"]).absolute())


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return engine.build("penstock", "--layers")


@pytest.fixture
def container(engine: Engine, image: str, tmp_path: Path) -> Iterator[Container]:
    with Container(engine, image, SETTINGS, tmp_path) as container:
        container.wait_until_healthy()
        yield container


def test_spans_come_by_its_port_and_are_delivered_when_it_is_told_to_stop(
    container: Container,
) -> None:
    load = Load(container.port(4317))
    load.send(20)
    file = container.state / "spans.json"
    assert not file.stat().st_size, "they wait in `batch`"

    assert container.stop() == 0

    assert names(file) == ["work"] * 20 * SPANS, container.output()


def names(file: Path) -> list[str]:
    return [
        span["name"]
        for line in file.read_text().splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def test_its_first_process_is_an_init_and_has_no_rights(container: Container) -> None:
    status = dict(
        line.split(":\t", 1) for line in read(container, "/proc/1/status") if ":\t" in line
    )
    assert status["Name"] == "tini"
    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"


def test_its_root_cannot_be_written(container: Container) -> None:
    (root,) = (line for line in read(container, "/proc/mounts") if line.split()[1] == "/")
    assert "ro" in root.split()[3].split(",")


def read(container: Container, path: str) -> list[str]:
    return container.python(f"print(open({path!r}).read())").splitlines()


def test_its_memory_limit_is_a_part_of_the_containers(container: Container) -> None:
    (limit,) = (
        float(line.split()[1])
        for line in container.python(PAGE).splitlines()
        if line.startswith("penstock_processor_memory_limit{")
    )
    assert limit == 512 * 1024 * 1024 / 2


def test_it_is_called_unhealthy_where_nothing_answers(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    service = {**SETTINGS["service"], "extensions": []}
    settings = {**SETTINGS, "service": service}
    with Container(engine, image, settings, tmp_path) as container:
        Load(container.port(4317)).send(1)
        assert not container.is_healthy()


def test_the_same_checkout_gives_the_same_wheel(engine: Engine) -> None:
    wheels = [
        engine.run("podman", "run", "--rm", image, "sh", "-c", "sha256sum /build/wheels/*")
        for image in (
            engine.build("penstock-kernel", "--layers", "--target=kernel"),
            engine.build("penstock-kernel-again", "--no-cache", "--target=kernel"),
        )
    ]
    assert wheels[0] == wheels[1]
