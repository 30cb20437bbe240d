"""The pod that Penstock runs in, by the environment variables of the downward API."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Batch, StartError
from penstock.processors._attributes import Attributes, combined, everywhere, present

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class OwnPod:
    """Tells resources that are not of another pod what they lack."""

    def __init__(self, owner: str, wanted: Sequence[str]) -> None:
        """Read the environment. Raises `StartError` where it says too little."""
        self._told = {name: value for name in wanted if (value := _variable(name))}
        self._identity = {name: value for name in _IDENTITY if (value := _variable(name))}
        missing = [f"{VARIABLES[name][0]} ({name})" for name in wanted if name not in self._told]
        if missing:
            msg = (
                f"{owner}: set {', '.join(missing)} from the downward API, take it out of "
                "`extract.metadata`, or set `auth_type: serviceAccount` to ask the cluster's API"
            )
            raise StartError(msg)

    def tell(self, batch: Batch) -> Batch:
        """The batch with what its resources lacked."""
        attributes = Attributes(batch, "resource.attributes")
        ours = self._of_this_pod(attributes)
        for name, value in self._told.items():
            attributes.set(name, value, ours & ~present(attributes.get(name)))
        return attributes.apply()

    def _of_this_pod(self, attributes: Attributes) -> Mask:
        """Where nothing says that it is another pod's."""
        mask = np.ones(len(attributes), dtype=np.bool_)
        for name, own in self._identity.items():
            mask &= attributes.get(name).isin([None, own])
        return mask


def tell_address(batch: Batch) -> Batch:
    """The batch with the pod's address in resources that tell it under another name, or not."""
    attributes = Attributes(batch, "resource.attributes")
    columns = [attributes.get(name) for name in ("k8s.pod.ip", "ip", "host.name")]
    columns.append(everywhere(len(batch), None) if batch.peers is None else batch.peers)
    found = combined(columns, _address)
    attributes.set("k8s.pod.ip", found, present(found))
    return attributes.apply()


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _address(values: list[Any]) -> str | None:
    known, ip, host, peer = (value if isinstance(value, str) else "" for value in values)
    if known:
        return None
    return ip or peer or (host if is_address(host) else None)


def _variable(name: str) -> str | None:
    return next(filter(None, map(os.environ.get, VARIABLES[name])), None)
