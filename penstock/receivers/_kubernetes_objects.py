"""Pods, services and endpoints of a cluster, and the labels that Prometheus gives to targets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Object = Mapping[str, Any]
    Labels = dict[str, str]
    Key = tuple[str, str]

_META = "__meta_kubernetes_"
_NAMESPACE = f"{_META}namespace"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")


class Port(NamedTuple):
    """A port of a container, a service or endpoints."""

    name: str
    number: int
    protocol: str


class Container(NamedTuple):
    """A container of a pod."""

    labels: Labels
    ports: tuple[Port, ...]


class Address(NamedTuple):
    """An address of endpoints."""

    ip: str
    labels: Labels
    pod: Key | None
    """The pod that has it."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, and the labels of all of its targets."""

    uid: str
    key: Key
    ip: str
    labels: Labels
    containers: tuple[Container, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """A service, and the labels of all of its targets."""

    uid: str
    key: Key
    labels: Labels
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Endpoints of a service: addresses with each of its ports."""

    uid: str
    key: Key
    labels: Labels
    subsets: tuple[tuple[Port, Address], ...]


def _key(found: Object) -> Key:
    return found["metadata"].get("namespace", ""), found["metadata"]["name"]


def _own(found: Object, what: str) -> Labels:
    """Of labels and annotations of an object, and whether there are such."""
    labels = {}
    for field, word in (("labels", "label"), ("annotations", "annotation")):
        for name, value in (found["metadata"].get(field) or {}).items():
            safe = _NOT_IN_NAMES.sub("_", name)
            labels[f"{_META}{what}_{word}_{safe}"] = value
            labels[f"{_META}{what}_{word}present_{safe}"] = "true"
    return labels


def _told(what: str, **texts: str) -> Labels:
    return {f"{_META}{what}_{name}": text for name, text in texts.items() if text}


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _port(found: Object, number: str) -> Port:
    return Port(found.get("name") or "", int(found[number]), found.get("protocol", "TCP"))


def pod_of(found: Object) -> Pod:
    """A pod, as the API has it."""
    key, status, spec = _key(found), found.get("status") or {}, found.get("spec") or {}
    conditions = status.get("conditions") or ()
    ready = next((it["status"] for it in conditions if it["type"] == "Ready"), "unknown")
    owners = found["metadata"].get("ownerReferences") or ()
    controller: Object = next((it for it in owners if it.get("controller")), {})
    labels = _own(found, "pod") | _told(
        "pod",
        name=key[1],
        ip=status.get("podIP", ""),
        ready=ready.lower(),
        phase=status.get("phase", ""),
        node_name=spec.get("nodeName", ""),
        host_ip=status.get("hostIP", ""),
        uid=found["metadata"]["uid"],
        controller_kind=controller.get("kind", ""),
        controller_name=controller.get("name", ""),
    )
    return Pod(
        uid=found["metadata"]["uid"],
        key=key,
        ip=status.get("podIP", ""),
        labels=labels | {_NAMESPACE: key[0]},
        containers=tuple(_containers(spec, status)),
    )


def _containers(spec: Object, status: Object) -> Iterator[Container]:
    for field, statuses, init in (
        ("containers", "containerStatuses", "false"),
        ("initContainers", "initContainerStatuses", "true"),
    ):
        ids = {it["name"]: it.get("containerID", "") for it in status.get(statuses) or ()}
        for found in spec.get(field) or ():
            name = found["name"]
            image, id_ = found.get("image", ""), ids.get(name, "")
            labels = _told("pod_container", name=name, image=image, id=id_, init=init)
            ports = (_port(it, "containerPort") for it in found.get("ports") or ())
            yield Container(labels, tuple(ports))


def service_of(found: Object) -> Service:
    """A service, as the API has it."""
    key, spec = _key(found), found.get("spec") or {}
    kind = spec.get("type", "ClusterIP")
    external = kind == "ExternalName"
    labels = _own(found, "service") | _told(
        "service",
        name=key[1],
        type=kind,
        cluster_ip="" if external else spec.get("clusterIP", ""),
        external_name=spec.get("externalName", "") if external else "",
    )
    return Service(
        uid=found["metadata"]["uid"],
        key=key,
        labels=labels | {_NAMESPACE: key[0]},
        ports=tuple(_port(it, "port") for it in spec.get("ports") or ()),
    )


def endpoints_of(found: Object) -> Endpoints:
    """Endpoints, as the API has them."""
    key = _key(found)
    labels = _own(found, "endpoints") | _told("endpoints", name=key[1])
    return Endpoints(
        uid=found["metadata"]["uid"],
        key=key,
        labels=labels | {_NAMESPACE: key[0]},
        subsets=tuple(_subsets(found)),
    )


def _subsets(found: Object) -> Iterator[tuple[Port, Address]]:
    for subset in found.get("subsets") or ():
        for port in subset.get("ports") or ():
            for field, ready in (("addresses", "true"), ("notReadyAddresses", "false")):
                for address in subset.get(field) or ():
                    yield _port(port, "port"), _address(address, ready)


def _address(found: Object, ready: str) -> Address:
    reference = found.get("targetRef") or {}
    is_pod = reference.get("kind") == "Pod"
    labels = _told(
        "endpoint",
        ready=ready,
        node_name=found.get("nodeName") or "",
        hostname=found.get("hostname") or "",
        address_target_kind=reference.get("kind", ""),
        address_target_name=reference.get("name", ""),
    )
    pod = (reference.get("namespace", ""), reference.get("name", "")) if is_pod else None
    return Address(found["ip"], labels, pod)


def _of_container_port(port: Port) -> Labels:
    return _told(
        "pod_container",
        port_name=port.name,
        port_number=str(port.number),
        port_protocol=port.protocol,
    )


def targets_of_pod(pod: Pod) -> Iterator[Labels]:
    """A target for each port of each container, and one for a container without ports."""
    if not pod.ip:
        return
    for container in pod.containers:
        common = pod.labels | container.labels
        if not container.ports:
            yield {**common, "__address__": pod.ip}
        for port in container.ports:
            address = _join(pod.ip, port.number)
            yield {**common, **_of_container_port(port), "__address__": address}


def targets_of_service(service: Service) -> Iterator[Labels]:
    """A target for each port."""
    namespace, name = service.key
    for port in service.ports:
        labels = _told(
            "service_port", name=port.name, number=str(port.number), protocol=port.protocol
        )
        address = _join(f"{name}.{namespace}.svc", port.number)
        yield {**service.labels, **labels, "__address__": address}


def targets_of_endpoints(
    endpoints: Endpoints, service: Service | None, pods: Mapping[Key, Pod]
) -> Iterator[Labels]:
    """A target for each address and port, and for the other ports of the pods that have them."""
    common = endpoints.labels | (service.labels if service else {})
    covered: dict[Key, set[int]] = {}
    for port, address in endpoints.subsets:
        labels = _told("endpoint_port", name=port.name, protocol=port.protocol)
        pod = pods.get(address.pod) if address.pod else None
        if pod:
            covered.setdefault(pod.key, set()).add(port.number)
            labels |= pod.labels | _of_endpoint_in(pod, port.number)
        place = {"__address__": _join(address.ip, port.number)}
        yield {**common, **address.labels, **labels, **place}
    for key, numbers in covered.items():
        yield from _other_ports(pods[key], common, numbers)


def _of_endpoint_in(pod: Pod, number: int) -> Labels:
    """Of the container's port that an endpoint leads to."""
    for container in pod.containers:
        for port in container.ports:
            if port.number == number:
                return container.labels | _of_container_port(port)
    return {}


def _other_ports(pod: Pod, common: Labels, covered: set[int]) -> Iterator[Labels]:
    for container in pod.containers:
        for port in container.ports:
            if port.number not in covered:
                labels = {**common, **pod.labels, **container.labels, **_of_container_port(port)}
                yield {**labels, "__address__": _join(pod.ip, port.number)}
