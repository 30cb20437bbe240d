"""Targets in a cluster, by what its API says."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.kubernetes import api as kubernetes_api
from penstock.pipeline import StartError
from penstock.receivers._targets_kubernetes import Kubernetes
from penstock.receivers._targets_options import KubernetesSDConfig
from tests.kit import context, in_loop
from tests.kubernetes_api import cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.receivers._targets import Found
    from tests.kubernetes_api import Cluster

OBJECTS = json.loads(Path(__file__).with_name("cluster.json").read_text())
"""The answers of a cluster to `GET /api/v1/pods` and the like."""

META = "__meta_kubernetes_"

POD = {
    "namespace": "sales",
    "pod_name": "shop-0",
    "pod_ip": "10.0.0.1",
    "pod_ready": "true",
    "pod_phase": "Running",
    "pod_node_name": "node-a",
    "pod_host_ip": "192.0.2.7",
    "pod_uid": "pod-1",
    "pod_controller_kind": "StatefulSet",
    "pod_controller_name": "shop",
    "pod_label_app_kubernetes_io_name": "shop",
    "pod_labelpresent_app_kubernetes_io_name": "true",
    "pod_annotation_prometheus_io_scrape": "true",
    "pod_annotationpresent_prometheus_io_scrape": "true",
}
WEB = {
    "pod_container_name": "web",
    "pod_container_image": "shop:1",
    "pod_container_id": "containerd://abc",
    "pod_container_init": "false",
}
SERVICE = {
    "namespace": "sales",
    "service_name": "shop",
    "service_type": "ClusterIP",
    "service_cluster_ip": "10.1.0.1",
    "service_label_tier": "front",
    "service_labelpresent_tier": "true",
}


class Subject:
    """Follows a cluster."""

    def __init__(self, found: AsyncIterator[Found]) -> None:
        self._found = found

    async def next(self) -> dict[str, dict[str, str]]:
        """The targets that are found next, by their addresses."""
        async with asyncio.timeout(10):
            found = await anext(self._found)
        return {
            labels["__address__"]: {
                name.removeprefix(META): text
                for name, text in labels.items()
                if name != "__address__"
            }
            for labels in found
        }

    async def until(self, address: str, *, there: bool) -> dict[str, dict[str, str]]:
        """The targets, once there is one with that address, or none any more."""
        found = await self.next()
        while (address in found) is not there:
            found = await self.next()
        return found


def complain(error: Exception) -> None:
    raise error


@asynccontextmanager
async def following(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> AsyncIterator[tuple[Subject, Cluster]]:
    monkeypatch.setattr(kubernetes_api, "_BETWEEN", 0.001)
    (folder / "namespace").write_text("sales\n")
    async with cluster(folder, monkeypatch) as api, context("prometheus") as given:
        api.pods = OBJECTS["pods"]
        api.others = {"services": OBJECTS["services"], "endpoints": OBJECTS["endpoints"]}
        found = Kubernetes(KubernetesSDConfig.model_validate(options), given)
        await found.open()
        yield Subject(found.follow(complain)), api
        await found.close()


@in_loop
async def test_each_port_of_each_container_of_a_pod_is_a_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(tmp_path, monkeypatch, role="pod") as (subject, _):
        found = await subject.next()
    assert found.keys() == {"10.0.0.1:8080", "10.0.0.1:9090", "10.0.0.1"}
    port = {"port_name": "metrics", "port_number": "9090", "port_protocol": "TCP"}
    ports = {f"pod_container_{name}": text for name, text in port.items()}
    assert found["10.0.0.1:9090"] == POD | WEB | ports
    assert found["10.0.0.1"]["pod_container_name"] == "migrate"
    assert found["10.0.0.1"]["pod_container_init"] == "true"


@in_loop
async def test_each_port_of_a_service_is_a_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(tmp_path, monkeypatch, role="service") as (subject, _):
        found = await subject.next()
    ports = {
        "service_port_name": "metrics",
        "service_port_number": "80",
        "service_port_protocol": "TCP",
    }
    assert found["shop.sales.svc:80"] == SERVICE | ports
    bank = found["bank.sales.svc:443"]
    assert bank["service_external_name"] == "bank.example.com"
    assert "service_cluster_ip" not in bank


@in_loop
async def test_endpoints_have_what_is_known_of_their_services_and_pods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(tmp_path, monkeypatch, role="endpoints") as (subject, _):
        found = await subject.next()
    own = {
        "endpoints_name": "shop",
        "endpoints_label_tier": "front",
        "endpoints_labelpresent_tier": "true",
    }
    port = {"endpoint_port_name": "metrics", "endpoint_port_protocol": "TCP"}
    of_pod = found["10.0.0.1:9090"]
    assert of_pod.items() >= (own | SERVICE | POD | WEB | port).items()
    assert of_pod["pod_container_port_name"] == "metrics"
    assert of_pod["endpoint_ready"] == "true"
    assert of_pod["endpoint_address_target_kind"] == "Pod"
    other = {"endpoint_ready": "false", "endpoint_hostname": "shop-1"}
    assert found["[fd00::2]:9090"] == own | SERVICE | port | other
    uncovered = found["10.0.0.1:8080"]
    assert uncovered["pod_container_port_name"] == "http"
    assert "endpoint_ready" not in uncovered
    assert len(found) == 3


@in_loop
async def test_targets_come_and_go_as_the_api_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(tmp_path, monkeypatch, role="pod") as (subject, api):
        await subject.next()
        pod = OBJECTS["pods"][0]
        moved = pod | {"status": pod["status"] | {"podIP": "10.0.0.9"}}
        api.tell("MODIFIED", moved)
        found = await subject.until("10.0.0.9:9090", there=True)
        assert "10.0.0.1:9090" not in found
        api.tell("DELETED", moved)
        assert await subject.until("10.0.0.9:9090", there=False) == {}


@in_loop
async def test_only_some_objects_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {
        "namespaces": {"own_namespace": True, "names": ["sales", "stock"]},
        "selectors": [{"role": "pod", "label": "app=shop", "field": "spec.nodeName=a"}],
    }
    async with following(tmp_path, monkeypatch, role="pod", **options) as (subject, api):
        await subject.next()
    asked = {(it["path"], it["labelSelector"], it["fieldSelector"]) for it in api.asked}
    assert asked == {
        (f"/api/v1/namespaces/{namespace}/pods", "app=shop", "spec.nodeName=a")
        for namespace in ("sales", "stock")
    }


@in_loop
async def test_outside_of_a_cluster_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    async with context("prometheus") as given:
        found = Kubernetes(KubernetesSDConfig(role="pod"), given)
        with pytest.raises(StartError, match="remove `kubernetes_sd_configs`"):
            await found.open()
        await found.close()


@pytest.mark.parametrize("role", ["node", "ingress", "endpointslice"])
def test_other_roles_are_refused(role: str) -> None:
    with pytest.raises(ValidationError, match="'pod', 'service' or 'endpoints'"):
        KubernetesSDConfig.model_validate({"role": role})
