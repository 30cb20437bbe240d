"""The manifests for Kubernetes: files as data."""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from tests.deploy.rules import DEPLOY, load

KUBERNETES = DEPLOY / "kubernetes"
BASE = KUBERNETES / "base"
CHART = DEPLOY / "helm" / "penstock"
MIB = 1 << 20
AT_REST = 95
"""MiB that a sidecar was measured at before anything had come; a gateway needs 93."""
LOAD = 45
"""MiB that Penstock was measured to need more for under load, as README.md has it."""
LEFT = 64
"""MiB to leave between the limit of `memory_limiter` and where the system kills."""
UNITS = {"Mi": MIB, "Gi": MIB << 10}


class Place(NamedTuple):
    """Where a Penstock runs: its pod and its settings."""

    manifest: str
    settings: str

    @property
    def pod(self) -> dict[str, Any]:
        """What is told of the pod's containers."""
        spec: dict[str, Any] = load(KUBERNETES / self.manifest)["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> dict[str, Any]:
        """The container that is Penstock."""
        return penstock_of(self.pod)

    @property
    def config(self) -> dict[str, Any]:
        """The settings, as YAML has them."""
        config: dict[str, Any] = load(KUBERNETES / self.settings)
        return config


PLACES = {
    "agent": Place("base/agent/daemon-set.yaml", "base/agent/penstock.yaml"),
    "gateway": Place("base/gateway/deployment.yaml", "base/gateway/penstock.yaml"),
    "sidecar": Place("sidecar/patch.yaml", "sidecar/penstock.yaml"),
}


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """All of a pod, those that start first included."""
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def penstock_of(pod: dict[str, Any]) -> dict[str, Any]:
    """The one that is Penstock."""
    (found,) = (it for it in containers(pod) if it["name"] == "penstock")
    return found


def environment(container: dict[str, Any]) -> dict[str, str]:
    """What its variables might be: with `envFrom`, those of the base too."""
    variables = {it["name"]: it.get("value", it["name"].lower()) for it in container["env"]}
    if "envFrom" in container:
        lines = (BASE / "environment.env").read_text().splitlines()
        variables |= dict(line.split("=", 1) for line in lines)
    return variables


def size(text: str) -> int:
    """Bytes."""
    return int(text[:-2]) * UNITS[text[-2:]]


def room(container: dict[str, Any], config: dict[str, Any]) -> tuple[float, float]:
    """Where `memory_limiter` begins to refuse, and what is left from its limit on, in MiB."""
    limit = size(container["resources"]["limits"]["memory"]) / MIB
    limiter = config["processors"]["memory_limiter"]
    most, spike = limiter["limit_percentage"], limiter["spike_limit_percentage"]
    return limit * (most - spike) / 100, limit * (100 - most) / 100


def documents(text: str) -> list[dict[str, Any]]:
    """The objects of a rendering."""
    return [it for it in yaml.safe_load_all(text) if it]
