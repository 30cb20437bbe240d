"""Tell in resources which pod they are from, by the downward API or the cluster's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, model_validator

from penstock.config.types import Duration
from penstock.pipeline import Batch, ProcessorConfig, Stage
from penstock.processors._k8s_cluster import USUAL, Cluster, association
from penstock.processors._k8s_downward import VARIABLES, OwnPod, tell_address
from penstock.processors._k8s_options import OF_ANY, OWN, Association, Exclude, Extract, Filter
from penstock.processors._k8s_pod import Rules
from penstock.processors._patterns import AnyOf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.pipeline import Consume, Context


def _known_way(value: object) -> object:
    if value in ("kubeConfig", "tls", "none"):
        msg = f"{value!r} is not supported; use serviceAccount"
        raise ValueError(msg)
    return value


class Config(ProcessorConfig):
    """Options of the Collector's `k8s_attributes` processor, for what is about pods."""

    auth_type: Annotated[Literal["serviceAccount"], BeforeValidator(_known_way)] | None = None
    """`serviceAccount` asks the cluster's API about all pods; without it, only the environment is
    asked about Penstock's own."""
    passthrough: bool = False
    """Only tells the pod's address, `k8s.pod.ip`, for a Collector behind that asks the API: from
    the resource attribute `ip`, the address that it came from, or `host.name` where that is one."""
    extract: Extract = Extract()
    """What is told, if not passed through."""
    filter: Filter = Filter()
    """The pods that are followed."""
    pod_association: tuple[Association, ...] = ()
    """How resources name their pods, in the order in which it is tried."""
    exclude: Exclude = Exclude()
    """Pods of which nothing is told."""
    wait_for_metadata: bool = False
    """Whether the start waits until all pods are known."""
    wait_for_metadata_timeout: Duration = 10.0
    """How long, before it fails."""
    pod_delete_grace_period: Duration = 120.0
    """How long pods are known after they are gone."""

    not_here: ClassVar[Mapping[str, str]] = {
        "context": "use `auth_type: serviceAccount`",
        "kube_config_path": "use `auth_type: serviceAccount`",
        "watch_sync_period": "whenever a watch breaks, all pods are asked for; remove it",
    }

    @model_validator(mode="after")
    def _has_an_api_where_one_is_needed(self) -> Self:
        if self.auth_type:
            return self
        for option in self._about_others():
            msg = f"{option} needs the cluster's API: set `auth_type: serviceAccount`"
            raise ValueError(msg)
        return self

    def _about_others(self) -> Iterator[str]:
        about_pods = {"passthrough", "extract", "auth_type"}
        yield from (name for name in self.model_fields_set if name not in about_pods)
        extract = self.extract.model_fields_set - {"metadata"}
        yield from (f"extract.{name}" for name in extract)
        yield from (name for name in self.extract.metadata or () if name not in VARIABLES)

    @property
    def asks_peers(self) -> bool:
        """Where pods are found by the addresses that items came from."""
        if not self.auth_type:
            return self.passthrough
        sources = [source for rule in self.pod_association for source in rule.sources]
        return not sources or any(source.from_ == "connection" for source in sources)

    def build(self, context: Context) -> K8sAttributes:
        """The processor."""
        return K8sAttributes(self, context)

    def rules(self) -> Rules:
        """What is told of pods."""
        extract = self.extract
        return Rules(
            OF_ANY if extract.metadata is None else extract.metadata,
            (
                *(rule.copied(labels=True) for rule in extract.labels),
                *(rule.copied(labels=False) for rule in extract.annotations),
            ),
            extract.otel_annotations,
            extract.deployment_name_from_replicaset,
            AnyOf(it.name for it in self.exclude.pods),
        )


class K8sAttributes(Stage):
    """Adds what is absent."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._tell = tell_address
        self._cluster: Cluster | None = None

    async def start(self, consume: Consume) -> None:
        """Read the environment, or begin to follow the cluster's pods. Raises `StartError`."""
        self._consume = consume
        if self._config.passthrough:
            return
        if not self._config.auth_type:
            wanted = self._config.extract.metadata
            own = OwnPod(self._context.id, OWN if wanted is None else wanted)
            self._tell = own.tell
            return
        self._cluster = await self._follow()
        self._tell = self._cluster.tell

    async def consume(self, batch: Batch) -> None:
        """Pass the batch on with what its resources lacked."""
        await self._consume(self._tell(batch))

    async def stop(self) -> None:
        """Follow the pods no longer; no item is held."""
        if self._cluster:
            self._cluster.stop()

    async def _follow(self) -> Cluster:
        config = self._config
        named = [association([it.name for it in rule.sources]) for rule in config.pod_association]
        grace = config.pod_delete_grace_period
        cluster = Cluster(self._context, config.rules(), named or USUAL, grace)
        patience = config.wait_for_metadata_timeout if config.wait_for_metadata else None
        await cluster.start(config.filter.namespace, config.filter.selectors(), patience)
        return cluster
