"""Send telemetry to several gateways by OTLP/gRPC, what belongs together always to the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from penstock.config.types import Section
from penstock.exporters import otlp
from penstock.exporters._resolver import StaticConfig
from penstock.exporters._resolver_dns import DNSConfig
from penstock.exporters._resolver_k8s import K8sConfig
from penstock.exporters._ring import Ring
from penstock.exporters._routing_keys import OF_METRICS, RoutingKey, hasher
from penstock.pipeline import Balancer, Batch, ExporterConfig, Shares, Signal
from penstock.pipeline.faults import FaultLog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.pipeline import Context, Exporter, Rejected

_PORT = 4317
"""Of endpoints that have none."""

_LATENCIES = (0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Upper ends of buckets, in milliseconds: the Collector's."""

_UNDER_OTLP = "each endpoint has its own: move it under protocol.otlp"


class Template(otlp.Config):
    """Options of the `otlp` exporter, but for its endpoint."""

    endpoint: ClassVar[str] = ""  # type: ignore[misc]  # not an option here

    not_here: ClassVar[Mapping[str, str]] = {
        "endpoint": "the resolver knows the endpoints; remove it"
    }

    def at(self, endpoint: str) -> otlp.Config:
        """The settings of the exporter to an endpoint."""
        given = self.model_fields_set | {"endpoint"}
        return otlp.Config.model_construct(given, endpoint=endpoint, **dict(self))


class Protocol(Section):
    """How to send."""

    otlp: Template = Template.model_validate({})
    """Options of the [`otlp`](#otlp) exporter but for `endpoint`, and of its
    [delivery](#delivery-queue-retry-time-out)."""


class ResolverSection(Section):
    """Where to send: one of these."""

    static: StaticConfig | None = None
    """Endpoints that are listed."""
    dns: DNSConfig | None = None
    """Endpoints that have a common name."""
    k8s: K8sConfig | None = None
    """Endpoints that are pods of a service."""

    not_here: ClassVar[Mapping[str, str]] = {
        "aws_cloud_map": "use `dns` with a name that Cloud Map has in Route 53"
    }

    @property
    def chosen(self) -> list[StaticConfig | DNSConfig | K8sConfig]:
        """Those that there are."""
        return [each for each in (self.static, self.dns, self.k8s) if each]

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.chosen) != 1:
            msg = "expected one of static, dns and k8s"
            raise ValueError(msg)
        return self


class Config(ExporterConfig):
    """Options of the `loadbalancing` exporter, under the Collector's names."""

    routing_key: RoutingKey | None = None
    """What belongs together: `traceID`, the default of traces and logs, `service`, that of metrics,
    `resource`, `attributes`, or for metrics `metric`, their names, and `streamID`, their series."""
    routing_attributes: tuple[str, ...] = ()
    """The attributes whose values together are the key, where it is `attributes`: of resource,
    scope or item, the first that has it; also `span.name`, `span.kind`, `log.severity`,
    `log.body`."""
    protocol: Protocol = Protocol()
    """How to send."""
    resolver: ResolverSection
    """Where to send."""

    not_here: ClassVar[Mapping[str, str]] = {
        "timeout": _UNDER_OTLP,
        "retry_on_failure": _UNDER_OTLP,
        "sending_queue": f"{_UNDER_OTLP}; what waits for an endpoint that leaves is routed anew",
        "dead_letter": _UNDER_OTLP,
    }

    @model_validator(mode="after")
    def _attributes_are_the_key(self) -> Self:
        if (self.routing_key == "attributes") != bool(self.routing_attributes):
            msg = "routing_key: attributes and routing_attributes need each other"
            raise ValueError(msg)
        return self

    def misfit(self, signal: Signal) -> str | None:
        """Why items of `signal` have no such key."""
        if signal is Signal.METRICS:
            return "data points have no traceID" if self.routing_key == "traceID" else None
        return f"{signal} have no {self.routing_key}" if self.routing_key in OF_METRICS else None

    def waited_for(self) -> Self:
        """The same without queues and dead letters."""
        template = self.protocol.otlp.waited_for()
        protocol = self.protocol.model_copy(update={"otlp": template})
        return self.model_copy(update={"protocol": protocol})

    def build(self, context: Context) -> LoadBalancing:
        """The exporter these settings describe."""
        return LoadBalancing(self, context)


class LoadBalancing(Balancer):
    """Shares items among endpoints by a ring, which is another whenever endpoints are."""

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__()
        self.plan = self._template = config.protocol.otlp
        self._context = context
        self._name = context.id.partition("/")[2]
        self._faults = FaultLog(context.logger)
        (resolver,) = config.resolver.chosen
        self._resolver = resolver.build(context)
        key, attributes = config.routing_key, config.routing_attributes
        self._hash = {signal: hasher(key, attributes, signal) for signal in Signal}
        self._show()

    async def start(self) -> None:
        """Look for endpoints. Raises `StartError` where that is never possible."""
        await self._resolver.start(self._found, self._failed)

    async def stop(self) -> None:
        """Look no more."""
        await self._resolver.stop()

    def id_of(self, endpoint: str) -> str:
        """As in the Collector: `otlp/` and the endpoint, after a name of this one's own."""
        address = _address(endpoint)
        return f"otlp/{self._name}_{address}" if self._name else f"otlp/{address}"

    def exporter(self, endpoint: str, context: Context) -> Exporter:
        """A new exporter to `endpoint`."""
        return _Timed(self._template.at(_address(endpoint)), context, _address(endpoint))

    def _show(self) -> None:
        name, telemetry = self._resolver.name, self._context.telemetry
        self._resolutions = {
            success: telemetry.counter(
                "otelcol_loadbalancer_num_resolutions",
                "Times that the resolver looked for endpoints.",
                "{resolution}",
                resolver=name,
                success=str(success).lower(),
            )
            for success in (True, False)
        }
        self._updates = telemetry.counter(
            "otelcol_loadbalancer_num_backend_updates",
            "Times that the endpoints were others than before.",
            "{update}",
            resolver=name,
        )
        telemetry.gauge(
            "otelcol_loadbalancer_num_backends",
            "Endpoints in use.",
            lambda: len(self.shares.endpoints) if self.shares else 0,
            "{backend}",
            resolver=name,
        )

    def _found(self, endpoints: Iterable[str]) -> None:
        found = tuple(sorted(set(endpoints)))
        if not found:
            self._failed("there are no endpoints; those of before are kept")
            return
        self._resolutions[True].add(1)
        if self.shares is None or found != self.shares.endpoints:
            self._updates.add(1)
            ring = Ring(found)
            self._context.logger.info("endpoints: %s", ", ".join(found))
            self.share(Shares(ring.endpoints, partial(self._split, ring)))

    def _failed(self, why: Exception | str) -> None:
        self._resolutions[False].add(1)
        self._faults.report("Endpoints were not found", 0, why)
        if self.shares is None:
            self._context.status.recoverable(why)

    def _split(self, ring: Ring, batch: Batch) -> Mapping[str, Batch]:
        if len(ring.endpoints) == 1:
            return {ring.endpoints[0]: batch}
        parts = batch.partition(ring.owners(self._hash[batch.signal](batch)))
        return {ring.endpoints[owner]: part for owner, part in parts}


class _Timed(otlp.Otlp):
    """The exporter to one endpoint: what it takes to send is shown by endpoint."""

    def __init__(self, config: otlp.Config, context: Context, endpoint: str) -> None:
        super().__init__(config, context)
        telemetry = context.telemetry
        self._latency = telemetry.histogram(
            "otelcol_loadbalancer_backend_latency",
            "How long attempts to send to an endpoint took.",
            "ms",
            _LATENCIES,
            endpoint=endpoint,
        )
        self._outcomes = {
            success: telemetry.counter(
                "otelcol_loadbalancer_backend_outcome",
                "Attempts to send to an endpoint, by whether they succeeded.",
                "{outcome}",
                endpoint=endpoint,
                success=str(success).lower(),
            )
            for success in (True, False)
        }

    async def send(self, batch: Batch) -> Rejected | None:
        """One call of `Export`."""
        clock = asyncio.get_running_loop().time
        begun, success = clock(), False
        try:
            rejected = await super().send(batch)
            success = True
        finally:
            self._latency.record((clock() - begun) * 1000)
            self._outcomes[success].add(1)
        return rejected


def _address(endpoint: str) -> str:
    """The endpoint with its port."""
    host, _, port = endpoint.rpartition(":")
    if endpoint.endswith("]") or not host:
        return f"{endpoint}:{_PORT}"
    if ":" in host and not host.endswith("]") and "/" not in host:
        return f"[{endpoint}]:{_PORT}"
    return endpoint if port else f"{host}:{_PORT}"
