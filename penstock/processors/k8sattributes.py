"""Tell in resources which pod they are from, by what the downward API says, without a cluster's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from penstock.config.types import Section
from penstock.pipeline import Batch, ProcessorConfig, Stage, StartError
from penstock.processors._attributes import Attributes, combined, present

if TYPE_CHECKING:
    from penstock.pipeline import Consume, Context
    from penstock.pipeline.batch import Mask

VARIABLES = {
    "k8s.pod.name": ("K8S_POD_NAME", "POD_NAME"),
    "k8s.pod.uid": ("K8S_POD_UID", "POD_UID"),
    "k8s.pod.ip": ("K8S_POD_IP", "POD_IP"),
    "k8s.namespace.name": ("K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE"),
    "k8s.node.name": ("K8S_NODE_NAME", "NODE_NAME"),
}
"""The environment variables that usually have each attribute; the first that is set counts."""

_IDENTITY = ("k8s.pod.name", "k8s.pod.uid", "k8s.pod.ip")
"""What tells one pod from another."""

_NO_API = "Penstock asks no Kubernetes API; remove it"

Metadata = Literal[
    "k8s.pod.name", "k8s.pod.uid", "k8s.pod.ip", "k8s.namespace.name", "k8s.node.name"
]


class Extract(Section):
    """What is told."""

    metadata: tuple[Metadata, ...] = (
        "k8s.pod.name",
        "k8s.pod.uid",
        "k8s.namespace.name",
        "k8s.node.name",
    )
    """The attributes."""

    not_here: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("annotations", "labels", "otel_annotations", "deployment_name_from_replicaset"), _NO_API
    )


class Config(ProcessorConfig):
    """Options of the Collector's `k8s_attributes` processor, for what needs no Kubernetes API."""

    passthrough: bool = False
    """Only tells the pod's address, `k8s.pod.ip`, for a Collector behind that asks the API: from
    the resource attribute `ip`, or `host.name` where that is an address."""
    extract: Extract = Extract()
    """What is told of Penstock's own pod, if not passed through."""

    not_here: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "auth_type",
            "context",
            "kube_config_path",
            "filter",
            "pod_association",
            "exclude",
            "wait_for_metadata",
            "wait_for_metadata_timeout",
            "watch_sync_period",
            "pod_delete_grace_period",
        ),
        _NO_API,
    )

    def build(self, context: Context) -> K8sAttributes:
        """The processor."""
        del context
        return K8sAttributes(self)


class K8sAttributes(Stage):
    """Adds what is absent, to resources that are not of another pod."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._own: dict[str, str] = {}
        self._identity: dict[str, str] = {}

    async def start(self, consume: Consume) -> None:
        """Read the environment. Raises `StartError` where it says nothing."""
        self._consume = consume
        if self._config.passthrough:
            return
        wanted = self._config.extract.metadata
        self._own = {name: value for name in wanted if (value := _variable(name))}
        self._identity = {name: value for name in _IDENTITY if (value := _variable(name))}
        missing = [f"{VARIABLES[name][0]} ({name})" for name in wanted if name not in self._own]
        if missing:
            msg = (
                f"k8sattributes: set {', '.join(missing)} from the downward API, take it out of "
                "`extract.metadata`, or set `passthrough`: Penstock asks no Kubernetes API"
            )
            raise StartError(msg)

    async def consume(self, batch: Batch) -> None:
        """Pass the batch on with what its resources lacked."""
        await self._consume(self.process(batch))

    async def stop(self) -> None:
        """Nothing is held."""

    def process(self, batch: Batch) -> Batch:
        """The batch with what its resources lacked."""
        attributes = Attributes(batch, "resource.attributes")
        if self._config.passthrough:
            _tell_address(attributes)
            return attributes.apply()
        ours = self._of_this_pod(attributes)
        for name, value in self._own.items():
            attributes.set(name, value, ours & ~present(attributes.get(name)))
        return attributes.apply()

    def _of_this_pod(self, attributes: Attributes) -> Mask:
        """Where nothing says that it is another pod's."""
        mask = np.ones(len(attributes), dtype=np.bool_)
        for name, own in self._identity.items():
            mask &= attributes.get(name).isin([None, own])
        return mask


def _tell_address(attributes: Attributes) -> None:
    columns = [attributes.get(name) for name in ("k8s.pod.ip", "ip", "host.name")]
    found = combined(columns, _address)
    attributes.set("k8s.pod.ip", found, present(found))


def _address(values: list[Any]) -> str | None:
    known, ip, host = (value if isinstance(value, str) else "" for value in values)
    if known:
        return None
    return ip or (host if _is_address(host) else None)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _variable(name: str) -> str | None:
    return next(filter(None, map(os.environ.get, VARIABLES[name])), None)
