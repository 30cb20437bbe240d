"""The resourcedetection processor."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.pipeline import Batch, StartError
from penstock.processors import _detectors
from penstock.processors._detectors import from_docker, from_environment
from penstock.processors.resourcedetection import Config, System
from tests.kit import Backend, Source, in_loop, points, service, wire
from tests.processors.items import passed_on, resources, resources_of

if TYPE_CHECKING:
    from pathlib import Path


async def detected(batch: Batch, **options: Any) -> list[dict[str, Any]]:
    """The resources after detection."""
    config = Config.model_validate(options)
    return resources_of(await passed_on("resourcedetection", config, batch))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=b", {"a": "b"}),
        (" a = b , c=d%2C+e%3D , f=,", {"a": "b", "c": "d, e=", "f": ""}),
    ],
)
def test_pairs_are_read_from_the_environment(text: str, expected: dict[str, str]) -> None:
    assert from_environment({"OTEL_RESOURCE_ATTRIBUTES": text}) == expected


@pytest.mark.parametrize("text", ["a", "=b", "a=b,c"])
def test_what_is_no_pair_stops_the_start(text: str) -> None:
    with pytest.raises(StartError, match="expected key=value"):
        from_environment({"OTEL_RESOURCE_ATTRIBUTES": text})


@in_loop
async def test_what_is_found_goes_before_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "host=here,os=linux")
    batch = resources({"host": "there", "a": 1}, {})
    one = {"host": "here", "a": 1, "os": "linux"}
    assert await detected(batch) == [one, {"host": "here", "os": "linux"}]
    kept = await detected(batch, override=False)
    assert kept == [{**one, "host": "there"}, {"host": "here", "os": "linux"}]


@in_loop
async def test_an_earlier_detector_goes_before_a_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name=mine")
    found = await detected(resources({}), detectors=["env", "system"])
    assert found == [{"host.name": "mine", "os.type": "linux"}]


def test_the_system_tells_its_name_and_what_it_is_asked_for() -> None:
    assert System().found() == {"host.name": socket.gethostname(), "os.type": "linux"}
    toggles = {name: {"enabled": True} for name in _detectors.SYSTEM}
    found = System.model_validate({"resource_attributes": toggles}).found()
    assert found.keys() <= toggles.keys()
    assert {"host.arch", "os.description"} <= found.keys()
    off = System.model_validate({"resource_attributes": {"host.name": {"enabled": False}}})
    assert off.found() == {"os.type": "linux"}


@in_loop
async def test_the_node_is_told_by_the_downward_api(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"detectors": ["k8snode"], "k8snode": {"node_from_env_var": "NODE"}}
    assert await detected(resources({"a": 1}), **options) == [{"a": 1}]
    assert "k8snode found nothing: NODE is not set" in caplog.text
    monkeypatch.setenv("NODE", "n1")
    assert await detected(resources({"a": 1}), **options) == [{"a": 1, "k8s.node.name": "n1"}]


async def docker(path: Path, status: str, info: object) -> asyncio.Server:
    """A socket that answers as Docker does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /info ")
        writer.write(f"HTTP/1.0 {status}\r\n\r\n{json.dumps(info)}".encode())
        writer.close()

    return await asyncio.start_unix_server(answer, path)


@in_loop
async def test_docker_tells_its_host(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    async with await docker(path, "200 OK", {"Name": "h", "OSType": "Linux"}):
        assert await from_docker(str(path)) == {"host.name": "h", "os.type": "linux"}


@in_loop
async def test_without_docker_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "docker.sock"
    async with await docker(path, "403 Forbidden", {}):
        with pytest.raises(ValueError, match="403 Forbidden"):
            await from_docker(str(path))
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "a=b")
    monkeypatch.setattr(from_docker, "__defaults__", (str(tmp_path / "none"),))
    assert await detected(resources({}), detectors=["docker", "env"]) == [{"a": "b"}]
    assert "docker found nothing" in caplog.text


@in_loop
async def test_in_a_service_every_item_is_accounted_for() -> None:
    source, backend = Source(), Backend()
    settings = wire(
        "metrics: in -> detect -> out",
        in_=source,
        detect=Config.model_validate({"detectors": ["system"]}),
        out=backend,
    )
    async with service(settings):
        await source.send(points(2))
    names = backend.got[0].column('resource.attributes["host.name"]').values
    assert names == [socket.gethostname()]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"detectors": ["ec2"]}, "'env', 'system', 'docker' or 'k8snode'"),
        ({"refresh_interval": "1m"}, "refresh_interval"),
        ({"system": {"resource_attributes": {"host.ip": {"enabled": True}}}}, "'host.name'"),
    ],
)
def test_what_would_ask_a_network_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)
