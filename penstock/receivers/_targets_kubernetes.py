"""Targets in a Kubernetes cluster: its pods, services and endpoints, by what the API says."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from penstock.kubernetes.api import Api, Watch
from penstock.pipeline import StartError
from penstock.receivers._kubernetes_objects import (
    Endpoints,
    Pod,
    Service,
    endpoints_of,
    pod_of,
    service_of,
    targets_of_endpoints,
    targets_of_pod,
    targets_of_service,
)
from penstock.receivers._targets import Discovery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from penstock.pipeline import Context
    from penstock.receivers._targets import Complain, Found
    from penstock.receivers._targets_options import KubernetesSDConfig

_NEEDED = {
    "pod": ("pod",),
    "service": ("service",),
    "endpoints": ("endpoints", "service", "pod"),
}
"""What is asked for, by role."""

_PATHS = {"pod": "pods", "service": "services", "endpoints": "endpoints"}

_READ: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "pod": pod_of,
    "service": service_of,
    "endpoints": endpoints_of,
}

T = TypeVar("T", Pod, Service, Endpoints)


class Objects(Generic[T]):
    """The objects of a kind in a namespace, by their uids."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._by_uid: dict[str, T] = {}

    def __iter__(self) -> Iterator[T]:
        return iter(self._by_uid.values())

    def replace(self, found: Sequence[T]) -> None:
        """Nothing else is there."""
        self._by_uid = {each.uid: each for each in found}
        self._changed()

    def put(self, found: T) -> None:
        """One is there, or has changed."""
        self._by_uid[found.uid] = found
        self._changed()

    def remove(self, uid: str) -> None:
        """One is gone."""
        self._by_uid.pop(uid, None)
        self._changed()


class Kubernetes(Discovery):
    """The targets of a role, in some namespaces or in all."""

    def __init__(self, config: KubernetesSDConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._changed = asyncio.Event()
        self._objects: dict[str, list[Objects[Any]]] = {}
        self._unknown = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Raises `StartError` outside of a cluster."""
        self._api = Api(self._context.id, "kubernetes_sd_configs")
        names = list(self._config.namespaces.names)
        if self._config.namespaces.own_namespace:
            names.append(self._own_namespace())
        self._namespaces = list(dict.fromkeys(names)) or [""]

    async def close(self) -> None:
        """Watch no longer."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def follow(self, complain: Complain) -> AsyncIterator[Found]:
        """Whenever an object changes, once all are known."""
        for namespace in self._namespaces:
            for kind in _NEEDED[self._config.role]:
                self._watch(kind, namespace, complain)
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not self._unknown:
                yield self._found()

    def _own_namespace(self) -> str:
        try:
            return self._api.own_namespace()
        except OSError as error:
            msg = f"{self._context.id}: cannot tell the own namespace: {error}"
            raise StartError(msg) from error

    def _watch(self, kind: str, namespace: str, complain: Complain) -> None:
        objects: Objects[Any] = Objects(self._changed.set)
        self._objects.setdefault(kind, []).append(objects)
        self._unknown += 1
        inside = f"/namespaces/{namespace}" if namespace else ""
        path = f"{inside}/{_PATHS[kind]}"
        watch = Watch(self._api, path, self._selectors(kind), _READ[kind], objects)
        known = asyncio.Event()
        complete = partial(self._is_complete, known)
        self._tasks.append(self._context.tasks.create_task(watch.follow(complete, complain)))

    def _is_complete(self, known: asyncio.Event) -> None:
        if not known.is_set():
            known.set()
            self._unknown -= 1
        self._changed.set()

    def _selectors(self, kind: str) -> dict[str, str]:
        found = next((it for it in self._config.selectors if it.role == kind), None)
        given = {"labelSelector": found.label, "fieldSelector": found.field} if found else {}
        return {name: text for name, text in given.items() if text}

    def _all(self, kind: str) -> list[Any]:
        return [each for objects in self._objects.get(kind, ()) for each in objects]

    def _found(self) -> Found:
        if self._config.role == "pod":
            return [labels for pod in self._all("pod") for labels in targets_of_pod(pod)]
        if self._config.role == "service":
            return [it for service in self._all("service") for it in targets_of_service(service)]
        pods = {pod.key: pod for pod in self._all("pod")}
        services = {service.key: service for service in self._all("service")}
        return [
            labels
            for endpoints in self._all("endpoints")
            for labels in targets_of_endpoints(endpoints, services.get(endpoints.key), pods)
        ]
