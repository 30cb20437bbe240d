"""The resource of a target, as the Collector tells of it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.receivers._scrape_target import Target

_META = "__meta_kubernetes_"

_KUBERNETES = {
    "k8s.pod.name": ("pod_name",),
    "k8s.pod.uid": ("pod_uid",),
    "k8s.container.name": ("pod_container_name",),
    "k8s.namespace.name": ("namespace",),
    "k8s.node.name": ("pod_node_name", "node_name", "endpoint_node_name"),
}
"""The labels of service discovery that tell an attribute, the first that there is."""

_CONTROLLERS = {
    "ReplicaSet": "k8s.replicaset.name",
    "DaemonSet": "k8s.daemonset.name",
    "StatefulSet": "k8s.statefulset.name",
    "Job": "k8s.job.name",
    "CronJob": "k8s.cronjob.name",
}


def resource(job: str, instance: str, target: Target) -> dict[str, str]:
    """The attributes of what `job` and `instance` name."""
    host, port = _split(instance)
    discovered = dict(target.discovered)
    attributes = {
        "service.name": job,
        "service.instance.id": instance,
        "server.address": host if _is_discernible(host) else "",
        "server.port": port,
        "url.scheme": discovered.get("__scheme__", ""),
        **_kubernetes(discovered),
    }
    return {name: value for name, value in attributes.items() if value}


def _split(instance: str) -> tuple[str, str]:
    host, colon, port = instance.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or (":" in host and not bracketed):
        return instance, ""
    return (host[1:-1] if bracketed else host), port


def _is_discernible(host: str) -> bool:
    """Whether it tells one host from another."""
    if host == "localhost":
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return True
    return not (address.is_loopback or address.is_unspecified)


def _kubernetes(discovered: Mapping[str, str]) -> dict[str, str]:
    attributes = {
        name: next(filter(None, (discovered.get(_META + label, "") for label in labels)), "")
        for name, labels in _KUBERNETES.items()
    }
    kind = discovered.get(f"{_META}pod_controller_kind", "")
    if kind in _CONTROLLERS:
        attributes[_CONTROLLERS[kind]] = discovered.get(f"{_META}pod_controller_name", "")
    return attributes
