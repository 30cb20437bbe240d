"""Tell in every resource where Penstock runs: its host, its system, its node."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from penstock.config.types import Section
from penstock.pipeline import Batch, ProcessorConfig, Stage
from penstock.processors._attributes import Attributes, present
from penstock.processors._detectors import SYSTEM, from_docker, from_environment

if TYPE_CHECKING:
    from penstock.pipeline import Consume, Context

_USUAL = {"host.name", "os.type"}

SystemAttribute = Literal[
    "host.name",
    "host.arch",
    "host.id",
    "host.interface",
    "host.mac",
    "host.cpu.vendor.id",
    "host.cpu.family",
    "host.cpu.model.id",
    "host.cpu.model.name",
    "host.cpu.stepping",
    "host.cpu.cache.l2.size",
    "os.type",
    "os.name",
    "os.version",
    "os.description",
]


class Toggle(Section):
    """Whether an attribute is set."""

    enabled: bool
    """Whether it is set."""


class System(Section):
    """What the detector `system` tells."""

    resource_attributes: dict[SystemAttribute, Toggle] = {}  # noqa: RUF012  (pydantic copies it)
    """By attribute; `host.name` and `os.type` are set unless this says otherwise, the others only
    if it does."""

    not_here: ClassVar[Mapping[str, str]] = {
        "hostname_sources": "the name is the system's own; none is looked up; remove it"
    }

    def found(self) -> dict[str, Any]:
        """The attributes that are wanted, where they can be told."""
        toggles = {name: toggle.enabled for name, toggle in self.resource_attributes.items()}
        wanted = {name: name in _USUAL for name in SYSTEM} | toggles
        found = {name: SYSTEM[name]() for name, enabled in wanted.items() if enabled}
        return {name: value for name, value in found.items() if value}


class Node(Section):
    """What the detector `k8snode` goes by."""

    node_from_env_var: str = Field(default="K8S_NODE_NAME", min_length=1)
    """The environment variable that has the node's name, from the downward API."""

    not_here: ClassVar[Mapping[str, str]] = {
        "auth_type": "no Kubernetes API is asked; remove it",
        "context": "no Kubernetes API is asked; remove it",
        "kube_config_path": "no Kubernetes API is asked; remove it",
        "resource_attributes": "only `k8s.node.name` is known; remove it",
    }


class Config(ProcessorConfig):
    """Options of the Collector's `resource_detection` processor, for what asks no network."""

    detectors: tuple[Literal["env", "system", "docker", "k8snode"], ...] = ("env",)
    """Where to look; what an earlier one has found goes before a later one's."""
    override: bool = True
    """Whether what is found goes before what resources have already."""
    system: System = System()
    """What `system` tells."""
    k8snode: Node = Node()
    """What `k8snode` goes by."""

    not_here: ClassVar[Mapping[str, str]] = {
        "refresh_interval": "what is found does not change while Penstock runs; remove it",
        "timeout": "no network is asked; remove it",
        "attributes": "keep attributes by `system.resource_attributes`, or with `resource`",
        "k8s_api": "no Kubernetes API is asked; use `k8snode`",
    }

    def build(self, context: Context) -> ResourceDetection:
        """The processor."""
        return ResourceDetection(self, context)


class ResourceDetection(Stage):
    """Looks once, at its start, and writes what it found into every resource."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._logger = context.logger
        self._found: dict[str, Any] = {}

    async def start(self, consume: Consume) -> None:
        """Look. Raises `StartError` for what the environment should not hold."""
        self._consume = consume
        self._found = {}
        for detector in self._config.detectors:
            self._found = await self._look(detector) | self._found

    async def consume(self, batch: Batch) -> None:
        """Pass the batch on with what was found."""
        await self._consume(self.process(batch))

    async def stop(self) -> None:
        """Nothing is held."""

    def process(self, batch: Batch) -> Batch:
        """The batch with what was found in its resources."""
        attributes = Attributes(batch, "resource.attributes")
        for key, value in self._found.items():
            where = None if self._config.override else ~present(attributes.get(key))
            attributes.set(key, value, where)
        return attributes.apply()

    async def _look(self, detector: str) -> dict[str, Any]:
        if detector == "env":
            return from_environment()
        if detector == "system":
            return await asyncio.to_thread(self._config.system.found)
        if detector == "k8snode":
            return self._node()
        try:
            return await from_docker()
        except (OSError, ValueError, KeyError, AttributeError) as error:
            self._logger.warning("The detector docker found nothing: %s", error or "no answer")
            return {}

    def _node(self) -> dict[str, Any]:
        variable = self._config.k8snode.node_from_env_var
        name = os.environ.get(variable)
        if not name:
            self._logger.warning("The detector k8snode found nothing: %s is not set", variable)
        return {"k8s.node.name": name} if name else {}
