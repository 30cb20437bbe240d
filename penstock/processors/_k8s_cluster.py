"""Tells resources about their pods, by what the API of the cluster says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.kubernetes.api import Api, Watch
from penstock.pipeline import StartError
from penstock.pipeline.faults import FaultLog
from penstock.processors._attributes import Attributes, combined, everywhere, present
from penstock.processors._k8s_downward import is_address
from penstock.processors._k8s_pod import POD_IP
from penstock.processors._k8s_pods import MAX_PODS, Pods

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.pipeline import Batch, Column, Context
    from penstock.processors._k8s_pod import Rules, Told

_HOST = "host.name"
CONNECTION = ""
"""Stands for the address that a resource came from, among names of its attributes."""
_CONTAINER = ("k8s.container.name", "container.id")


class Association(NamedTuple):
    """How a resource names its pod."""

    reads: tuple[str, ...]
    """The resource's attributes, all of which it must have."""
    finds: tuple[str, ...]
    """What each of them is of the pod."""


def association(names: Sequence[str]) -> Association:
    """The association by resource attributes of these names, or `CONNECTION`; a host's name may be
    an address."""
    addresses = (_HOST, CONNECTION)
    return Association(tuple(names), tuple(POD_IP if it in addresses else it for it in names))


USUAL = (
    Association((POD_IP,), (POD_IP,)),
    Association(("ip",), (POD_IP,)),
    association([CONNECTION]),
    Association((_HOST,), (POD_IP,)),
)
"""How pods are named where the settings do not say."""


class Cluster:
    """Follows a cluster's pods, and tells resources what they lack of theirs."""

    def __init__(
        self, context: Context, rules: Rules, associations: Sequence[Association], grace: float
    ) -> None:
        self._context = context
        self._rules = rules
        self._associations = associations
        self._reads = list(
            dict.fromkeys([*(name for it in associations for name in it.reads), *_CONTAINER])
        )
        clock = asyncio.get_running_loop().time
        self._pods = Pods((it.finds for it in associations), grace, clock)
        self._faults = FaultLog(context.logger)
        self._complete = asyncio.Event()
        self._failure = ""
        self._following: asyncio.Task[None] | None = None

    async def start(
        self, namespace: str, selectors: Mapping[str, str], patience: float | None
    ) -> None:
        """Begin to follow the pods, and wait so long until all are known, if at all.

        Raises `StartError` outside of a cluster, and where the time is over.
        """
        api = Api(self._context.id, "auth_type")
        path = f"/namespaces/{namespace}/pods" if namespace else "/pods"
        watch = Watch(api, path, selectors, self._rules.pod, self._pods)
        follow = watch.follow(self._is_complete, self._has_failed)
        self._following = self._context.tasks.create_task(follow)
        if patience is None:
            return
        try:
            async with asyncio.timeout(patience):
                await self._complete.wait()
        except TimeoutError:
            why = self._failure or "it has not answered"
            msg = f"{self._context.id}: the cluster's API told of no pods in {patience:g}s: {why}"
            raise StartError(msg) from None

    def stop(self) -> None:
        """Follow them no longer."""
        if self._following:
            self._following.cancel()

    def tell(self, batch: Batch) -> Batch:
        """The batch with what its resources lacked."""
        attributes = Attributes(batch, "resource.attributes")
        told = combined([_read(attributes, name) for name in self._reads], self._told)
        for name in dict.fromkeys(name for found in told.values for name in found):
            self._add(attributes, name, told)
        return attributes.apply()

    def _add(self, attributes: Attributes, name: str, told: Column) -> None:
        values = told.map(lambda found: found.get(name))
        lacking = attributes.get(name).where(lambda value: value is None or value == "")
        attributes.set(name, values, present(values) & lacking)

    def _told(self, values: list[Any]) -> Told:
        said = {
            name: value
            for name, value in zip(self._reads, values, strict=True)
            if isinstance(value, str) and value and (name != _HOST or is_address(value))
        }
        for reads, finds in self._associations:
            pod = self._pods.find(finds, [said.get(name, "") for name in reads])
            if pod:
                return {**pod.attributes, **pod.container(*map(said.get, _CONTAINER))}
        return {}

    def _is_complete(self) -> None:
        self._complete.set()
        self._context.status.ok()
        if self._pods.ignored:
            cause = f"there are more than {MAX_PODS} pods; use `filter` to follow fewer"
            self._faults.report("Pods that nothing is told of", self._pods.ignored, cause)
            self._pods.ignored = 0

    def _has_failed(self, error: Exception) -> None:
        self._failure = str(error) or type(error).__name__
        self._context.status.recoverable(self._failure)
        self._faults.report("Cannot follow the cluster's pods", 0, self._failure)


def _read(attributes: Attributes, name: str) -> Column:
    if name != CONNECTION:
        return attributes.get(name)
    peers = attributes.batch.peers
    return everywhere(len(attributes), None) if peers is None else peers
