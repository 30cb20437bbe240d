"""What the tools that read the manifests for Kubernetes make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.deploy.manifests import (
    AT_REST,
    CHART,
    KUBERNETES,
    LEFT,
    LOAD,
    containers,
    documents,
    penstock_of,
    room,
)
from tests.integration.kubernetes import by_name, kustomized, of_kind, templated, validate

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENTS = sorted(it.name for it in (KUBERNETES / "overlays").iterdir())
RENDERED = [f"overlays/{it}" for it in ENVIRONMENTS] + ["example"]
THEIRS = {"kube-root-ca.crt", "penstock-ca", "penstock-gateway-tls", "penstock-backend"}
"""What whoever applies the manifests makes."""

every_folder = pytest.mark.parametrize("folder", RENDERED)


def rendered(folder: str) -> list[dict[str, Any]]:
    return documents(kustomized(KUBERNETES / folder))


def pods(folder: str) -> list[dict[str, Any]]:
    workloads = of_kind(rendered(folder), "Deployment", "DaemonSet")
    return [it["spec"]["template"]["spec"] for it in workloads]


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_objects_are_as_the_published_schemas_say(version: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.yaml" for number in range(len(RENDERED))]
    for file, folder in zip(files, RENDERED, strict=True):
        file.write_text(kustomized(KUBERNETES / folder))
    validate(version, *files)


@pytest.mark.parametrize(
    ("kind", "mistake"),
    [("Deployment", {"replica": 1}), ("ServiceMonitor", {"endpoint": []})],
)
def test_schemas_find_a_mistake(kind: str, mistake: dict[str, Any], tmp_path: Path) -> None:
    (wrong,) = of_kind(rendered("overlays/production"), kind)
    wrong["spec"] |= mistake
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(AssertionError):
        validate("1.37", tmp_path / "wrong.yaml")


@every_folder
def test_what_pods_mount_is_there_or_in_the_readme(folder: str) -> None:
    there = {it["metadata"]["name"] for it in of_kind(rendered(folder), "ConfigMap")}
    readme = (KUBERNETES / "README.md").read_text()
    for pod in pods(folder):
        for volume in pod["volumes"]:
            named = volume.get("configMap", {}).get("name")
            named = named or volume.get("secret", {}).get("secretName")
            assert named is None or named in there or (named in THEIRS and named in readme)


@every_folder
def test_memory_is_refused_before_the_system_kills(folder: str) -> None:
    settings = {
        it["metadata"]["name"]: yaml.safe_load(it["data"]["penstock.yaml"])
        for it in of_kind(rendered(folder), "ConfigMap")
        if "penstock.yaml" in it["data"]
    }
    for pod in pods(folder):
        (mine,) = (
            settings[it["configMap"]["name"]]
            for it in pod["volumes"]
            if it.get("configMap", {}).get("name") in settings
        )
        refusing, left = room(penstock_of(pod), mine)
        assert refusing > AT_REST + LOAD
        assert left >= LEFT


@every_folder
def test_images_of_penstock_have_a_version(folder: str) -> None:
    images = {
        it["image"]
        for pod in pods(folder)
        for it in containers(pod)
        if it["image"].startswith("penstock")
    }
    assert images == {"penstock:0.1.0"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_says_which_it_is(environment: str) -> None:
    maps = of_kind(rendered(f"overlays/{environment}"), "ConfigMap")
    (told,) = (it["data"] for it in maps if "DEPLOYMENT_ENVIRONMENT" in it["data"])
    assert told["DEPLOYMENT_ENVIRONMENT"] == environment


def test_a_sidecar_is_beside_the_program_that_asks_for_it() -> None:
    (pod,) = pods("example")
    assert [it["name"] for it in pod["containers"]] == ["checkout"]
    assert [it["name"] for it in pod["initContainers"]] == ["penstock"]


def test_production_has_a_gateway_more_than_it_needs() -> None:
    objects = by_name(kustomized(KUBERNETES / "overlays" / "production"))
    scaler = objects["HorizontalPodAutoscaler", "penstock", "penstock-gateway"]
    budget = objects["PodDisruptionBudget", "penstock", "penstock-gateway"]
    assert scaler["spec"]["minReplicas"] > budget["spec"]["maxUnavailable"] + 1


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_chart_makes_what_the_overlay_makes(environment: str) -> None:
    ours = by_name(kustomized(KUBERNETES / "overlays" / environment))
    theirs = by_name(templated(CHART, CHART / f"values-{environment}.yaml"))
    assert theirs == ours


def test_another_chart_has_a_sidecar_as_the_component_gives_it() -> None:
    example = CHART.parent / "example"
    theirs = templated(example, example / "values.yaml", "--namespace", "shop")
    assert by_name(theirs) == by_name(kustomized(KUBERNETES / "example"))


def test_the_chart_takes_another_image_and_namespace() -> None:
    arguments = ["--set", "image.tag=9,environment.LIMIT=5", "--namespace", "elsewhere"]
    objects = documents(templated(CHART, CHART / "values-production.yaml", *arguments))
    (agent,) = of_kind(objects, "DaemonSet")
    images = {it["image"] for it in containers(agent["spec"]["template"]["spec"])}
    assert images == {"penstock:9"}
    (variables, *_) = of_kind(objects, "ConfigMap")
    assert variables["data"]["LIMIT"] == "5"
    assert {it["metadata"].get("namespace") for it in objects} == {None, "elsewhere"}
    for binding in of_kind(objects, "ClusterRoleBinding", "RoleBinding"):
        assert {it["namespace"] for it in binding["subjects"]} == {"elsewhere"}


def test_other_settings_have_the_pods_of_the_chart_replaced() -> None:
    values = CHART / "values-production.yaml"
    before, after = (
        documents(templated(CHART, values, *arguments))
        for arguments in ([], ["--set", "environment.LOG_LEVEL=debug"])
    )
    assert of_kind(before, "DaemonSet", "Deployment") != of_kind(after, "DaemonSet", "Deployment")
