"""Endpoints by the API of the cluster, which tells of changes at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from penstock.config.types import Duration, Section
from penstock.exporters._resolver import Resolver
from penstock.kubernetes.api import Api, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.exporters._resolver import Failed, Found
    from penstock.pipeline import Context

_SERVICE = "kubernetes.io/service-name"
"""The label by which a slice says whose it is."""


class K8sConfig(Section):
    """A Kubernetes service whose ready pods are the endpoints."""

    service: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)?$")
    """The service, as `name.namespace`; by its name alone it is in Penstock's own namespace."""
    ports: tuple[Annotated[int, Field(ge=1, le=65_535)], ...] = ()
    """The ports of each pod, each an endpoint; 4317 without any."""
    timeout: Duration = Field(default=1.0, gt=0)
    """How long the start waits for the API's first answer."""
    return_hostnames: bool = False
    """Whether pods are endpoints by their names instead of their addresses, which are others
    whenever a pod starts: for stateful sets."""

    def build(self, context: Context) -> Resolver:
        """The resolver these settings describe."""
        return _K8s(self, context)


class _Slice(NamedTuple):
    """Some of the pods of a service."""

    uid: str
    hosts: tuple[str, ...]


class _K8s(Resolver):
    name = "k8s"

    def __init__(self, config: K8sConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._slices: dict[str, _Slice] = {}
        self._complete = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def start(self, found: Found, failed: Failed) -> None:
        api = Api(self._context.id, "resolver.k8s")
        name, _, namespace = self._config.service.partition(".")
        namespace = namespace or _own_namespace(api)
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        self._found = found
        self._domain = f"{name}.{namespace}"
        watch = Watch(api, path, {"labelSelector": f"{_SERVICE}={name}"}, self._read, self)
        self._following = self._context.tasks.create_task(watch.follow(self._complete.set, failed))
        try:
            async with asyncio.timeout(self._config.timeout):
                await self._complete.wait()
        except TimeoutError:
            failed(f"{self._config.service}: the API has told of no endpoints yet")

    async def stop(self) -> None:
        if self._following:
            self._following.cancel()

    def replace(self, found: Sequence[_Slice]) -> None:
        """Nothing else is there."""
        self._slices = {each.uid: each for each in found}
        self._tell()

    def put(self, found: _Slice) -> None:
        """One is there, or has changed."""
        self._slices[found.uid] = found
        self._tell()

    def remove(self, uid: str) -> None:
        """One is gone."""
        self._slices.pop(uid, None)
        self._tell()

    def _tell(self) -> None:
        self._found(self._endpoints())

    def _endpoints(self) -> Iterator[str]:
        for host in {host for each in self._slices.values() for host in each.hosts}:
            quoted = f"[{host}]" if ":" in host else host
            yield from (f"{quoted}:{port}" for port in self._config.ports)
            if not self._config.ports:
                yield host

    def _read(self, found: Mapping[str, Any]) -> _Slice:
        endpoints = [each for each in found.get("endpoints") or () if _is_ready(each)]
        if self._config.return_hostnames:
            names = (each["hostname"] for each in endpoints if each.get("hostname"))
            hosts = tuple(f"{name}.{self._domain}" for name in names)
        else:
            hosts = tuple(address for each in endpoints for address in each["addresses"])
        return _Slice(found["metadata"]["uid"], hosts)


def _is_ready(endpoint: Mapping[str, Any]) -> bool:
    """As the API has it: ready unless it says that it is not."""
    return (endpoint.get("conditions") or {}).get("ready") is not False


def _own_namespace(api: Api) -> str:
    try:
        return api.own_namespace()
    except OSError:
        return "default"
