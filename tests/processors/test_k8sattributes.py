"""The k8sattributes processor."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from penstock.pipeline import Batch, StartError
from penstock.processors._k8s_downward import VARIABLES
from penstock.processors.k8sattributes import Config
from tests.kit import Backend, Source, context, in_loop, points, service, wire
from tests.processors.items import passed_on, resources, resources_of

POD = {"K8S_POD_NAME": "p", "POD_UID": "u", "K8S_NAMESPACE": "s", "K8S_NODE_NAME": "n"}
OURS = {
    "k8s.pod.name": "p",
    "k8s.pod.uid": "u",
    "k8s.namespace.name": "s",
    "k8s.node.name": "n",
}


@pytest.fixture(autouse=True)
def _in_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    for name, value in POD.items():
        monkeypatch.setenv(name, value)


async def told(batch: Batch, **options: Any) -> list[dict[str, Any]]:
    """The resources with what was added."""
    config = Config.model_validate(options)
    return resources_of(await passed_on("k8sattributes", config, batch))


@in_loop
async def test_resources_are_told_their_pod() -> None:
    assert await told(resources({"a": 1}, {"k8s.pod.uid": "u"})) == [{"a": 1, **OURS}, OURS]


@in_loop
async def test_what_is_there_stays() -> None:
    (found,) = await told(resources({"k8s.node.name": "other"}))
    assert found == {**OURS, "k8s.node.name": "other"}


@pytest.mark.parametrize("key", ["k8s.pod.name", "k8s.pod.uid"])
def test_another_pods_resources_are_left_alone(key: str) -> None:
    @in_loop
    async def run() -> None:
        assert await told(resources({key: "other"}, {})) == [{key: "other"}, OURS]

    run()


@in_loop
async def test_without_the_downward_api_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("K8S_POD_NAME")
    async with context("k8sattributes", pipeline="traces") as given:
        stage = Config().build(given)
        with pytest.raises(StartError, match=r"set K8S_POD_NAME \(k8s.pod.name\) from the down"):
            await stage.start(Backend().send)  # type: ignore[arg-type]
    some = {"metadata": ["k8s.node.name"]}
    assert await told(resources({}), extract=some) == [{"k8s.node.name": "n"}]


@in_loop
async def test_passed_through_only_the_address_is_told() -> None:
    batch = resources(
        {"k8s.pod.ip": "1.1.1.1", "ip": "2.2.2.2"},
        {"ip": "2.2.2.2", "host.name": "3.3.3.3"},
        {"host.name": "fe80::1"},
        {"host.name": "h"},
    )
    found = await told(batch, passthrough=True)
    assert [each.get("k8s.pod.ip") for each in found] == ["1.1.1.1", "2.2.2.2", "fe80::1", None]
    assert found[3] == {"host.name": "h"}


@in_loop
async def test_in_a_service_every_item_is_accounted_for() -> None:
    source, backend = Source(), Backend()
    settings = wire("metrics: in -> pod -> out", in_=source, pod=Config(), out=backend)
    async with service(settings):
        await source.send(points(2))
    assert backend.got[0].column("resource.attributes").values == [OURS]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"extract": {"labels": []}}, "extract.labels needs the cluster's API: set `auth_type"),
        ({"extract": {"metadata": ["k8s.deployment.name"]}}, "k8s.deployment.name needs"),
        ({"filter": {"node": "a"}}, "filter needs"),
        ({"wait_for_metadata": True}, "wait_for_metadata needs"),
    ],
)
def test_what_would_ask_the_api_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)
