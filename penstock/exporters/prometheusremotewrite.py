"""Send metrics by Prometheus remote write, version 1 or 2."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator
from yarl import URL

from penstock._kernel import RemoteWrite as Outgoing
from penstock.config.types import Duration, Section
from penstock.exporters._http import Poster, PosterConfig, Url
from penstock.exporters._sequences import Outcome, Request, Sequences
from penstock.exporters._series import Infos, Metric, Naming, Rules, Source
from penstock.pipeline import (
    Batch,
    Context,
    Exporter,
    Permanent,
    Rejected,
    Retryable,
    Signal,
)
from penstock.pipeline.delivery.retry import RetryConfig
from penstock.pipeline.delivery.sending_queue import QueueConfig
from penstock.prometheus.names import Namer, Strategy
from penstock.prometheus.remote_write import ENCODING, MESSAGES, V1, V2, VERSION_HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.exporters._series import Info

LARGE = 65_536
"""Bytes of a batch from which writing its requests is a thread's work."""

_NOT_SENT = [2**32 - 1, 2**32 - 2]
"""The places of points that are in no request: they have no name, or contradict themselves."""


class Retry(RetryConfig):
    """Back-off that begins soon."""

    initial_interval: Duration = 0.05
    """The wait before the second attempt."""


class RemoteWriteQueue(Section):
    """The queue before the exporter, and how many requests it has under way."""

    enabled: bool = True
    """Without a queue, a receiver's sender waits for every delivery."""
    queue_size: int = Field(default=10_000, ge=1)
    """Batches that wait, at most."""
    num_consumers: int = Field(default=5, ge=1)
    """Requests under way at a time, of a batch that takes several. Each series is in one sequence
    of them, whose requests are sent one after the other."""


class Switch(Section):
    """Something that is there or not."""

    enabled: bool = True
    """Whether it is there."""


class ResourceConversion(Section):
    """Attributes of resources as labels."""

    enabled: bool = False
    """Whether attributes of resources become labels of every series."""
    exclude_service_attributes: bool = False
    """Whether those are left out that `job` and `instance` are made of."""


def _not_empty(labels: dict[str, str]) -> dict[str, str]:
    for name, value in labels.items():
        if not name or not value:
            msg = f"expected a name and a value of each label, found {name!r}: {value!r}"
            raise ValueError(msg)
    return labels


class Config(PosterConfig):
    """Options of the `prometheusremotewrite` exporter, under the Collector's names."""

    signals = frozenset({Signal.METRICS})

    not_here: ClassVar[Mapping[str, str]] = {
        "compression": "remote write has one compression, Snappy; remove it",
        "export_created_metric": "send start times with each sample: set `protobuf_message` to "
        "`io.prometheus.write.v2.Request`",
        "max_batch_request_parallelism": "set `remote_write_queue.num_consumers`",
        "sending_queue": "set `remote_write_queue`",
        "wal": "batches wait in memory, in `remote_write_queue`; remove it",
    }

    endpoint: Url
    """Where to send: a URL such as `https://mimir.example.com/api/v1/push`."""
    timeout: Duration = Field(default=5.0, gt=0)
    """How long one request may take."""
    retry_on_failure: Retry = Retry()
    """When what could not be sent is sent again."""
    remote_write_queue: RemoteWriteQueue = RemoteWriteQueue()
    """What waits to be sent."""
    protobuf_message: Literal["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] = (
        "prometheus.WriteRequest"
    )
    """The version: `prometheus.WriteRequest` is 1.0, `io.prometheus.write.v2.Request` is 2.0, which
    says types, units, helps and start times with each series."""
    max_batch_size_bytes: int = Field(default=3_000_000, ge=1)
    """Bytes of a request at most, before it is compressed."""
    send_metadata: bool = False
    """Whether requests of version 1 say what types, units and helps there are."""
    namespace: str = ""
    """What stands before the names of all metrics."""
    translation_strategy: Strategy | None = None
    """How much of a name stays as it is. Those that keep everything need version 2."""
    add_metric_suffixes: bool = True
    """Whether units and types become part of names, where there is no `translation_strategy`."""
    external_labels: Annotated[dict[str, str], AfterValidator(_not_empty)] = Field(
        default_factory=dict
    )
    """Labels of all series that have none of the same name."""
    resource_to_telemetry_conversion: ResourceConversion = ResourceConversion()
    """Attributes of resources as labels."""
    target_info: Switch = Switch()
    """A series for each target, with the attributes of its resource as labels."""
    disable_scope_info: bool = False
    """Leave out the labels that tell the scope: `otel_scope_name`, `otel_scope_version` and one for
    each of its attributes."""

    @model_validator(mode="after")
    def _utf8_needs_version_2(self) -> Self:
        strategy = self.translation_strategy
        if strategy and not strategy.escapes and self.protobuf_message == V1.name:
            msg = f"translation_strategy {strategy} needs protobuf_message: {V2.name}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _scheme_fits(self) -> Self:
        encrypted = URL(self.endpoint).scheme == "https"
        self.tls.check_scheme(clear=not encrypted, encrypted=encrypted)
        return self

    @property
    def queue(self) -> QueueConfig:
        """One batch at a time, or points of one series could overtake each other."""
        own = self.remote_write_queue
        return QueueConfig(enabled=own.enabled, queue_size=own.queue_size, num_consumers=1)

    def waited_for(self) -> Self:
        """The same without queue and dead letters."""
        update = {"remote_write_queue": RemoteWriteQueue(enabled=False), "dead_letter": None}
        return self.model_copy(update=update)

    @property
    def patience(self) -> None:
        """Each request has its time-out: a batch can take many."""

    @property
    def namer(self) -> Namer:
        """How metrics and labels are named."""
        suffixes, plain = Strategy.UNDERSCORES_AND_SUFFIXES, Strategy.UNDERSCORES
        usual = suffixes if self.add_metric_suffixes else plain
        return Namer(self.translation_strategy or usual, self.namespace)

    @property
    def rules(self) -> Rules:
        """What the settings say of names and labels."""
        conversion = self.resource_to_telemetry_conversion
        return Rules(
            strategy=self.namer.strategy,
            namespace=self.namespace,
            promote=conversion.enabled,
            promote_service=not conversion.exclude_service_attributes,
            scope=not self.disable_scope_info,
            target_info=self.target_info.enabled,
            external=tuple(self.external_labels.items()),
        )

    def build(self, context: Context) -> Exporter:
        """The exporter these settings describe."""
        return RemoteWrite(self, context)


class Requests(NamedTuple):
    """What is made of a batch."""

    requests: list[Request]
    places: np.ndarray[tuple[int], np.dtype[np.uint32]]
    """By point: the request that holds it."""
    infos: Sequence[Info]
    informing: int
    """How many of the first requests hold the infos."""
    refused: str
    """What Prometheus has no series for, if anything."""


class RemoteWrite(Exporter):
    """A batch as requests in sequences, in which every series has its points in order."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._message = MESSAGES[config.protobuf_message]
        self._naming = Naming(config.rules)
        self._infos = Infos()
        self._poster = Poster(config, context)
        self._sequences = Sequences(
            self._poster, URL(config.endpoint), self._message, config.timeout, context
        )

    async def start(self) -> None:
        """Open the client, which connects when it is first used. Raises `StartError`."""
        headers = {"Content-Encoding": ENCODING, VERSION_HEADER: self._message.header}
        self._poster.start(headers, encrypted=URL(self._config.endpoint).scheme == "https")

    async def stop(self) -> None:
        """Close the connections."""
        await self._poster.stop()

    async def send(self, batch: Batch) -> Rejected | None:
        """Send every point that can be. What could not be sent now is left for another attempt."""
        large = batch.nbytes >= LARGE
        made = await asyncio.to_thread(self._write, batch) if large else self._write(batch)
        outcome = await self._sequences.post(made.requests)
        if outcome.sent.issuperset(range(made.informing)):
            self._infos.told(made.infos)
        rejected = _rejected(made, outcome)
        if outcome.failed:
            open_ = ~np.isin(made.places, [*outcome.settled, *_NOT_SENT])
            if left := batch.keep(open_):
                fault = outcome.failed
                raise Retryable(str(fault), after=fault.after, remaining=left, rejected=rejected)
        if rejected and rejected.items == len(batch) and outcome.settled:
            raise Permanent(rejected.reason)
        return rejected

    def _write(self, batch: Batch) -> Requests:
        outgoing = Outgoing(batch.native)
        metrics = [Metric(*said) for said in outgoing.metrics]
        sources = [Source(*placed) for placed in outgoing.sources]
        naming, config = self._naming, self._config
        families = [naming.family(metric) for metric in metrics]
        infos = self._infos.due(naming, sources)
        ready, places, informing = outgoing.write(
            self._message.version,
            families,
            [naming.origin(source) for source in sources],
            naming.labels(batch.keys("datapoint.attributes")),
            external=naming.external,
            infos=infos,
            metadata=config.send_metadata,
            max_bytes=config.max_batch_size_bytes,
            shards=self._shards(batch),
        )
        requests = [Request(place, *request) for place, request in enumerate(ready)]
        refused = _refused(metrics, [family is None for family in families])
        return Requests(requests, np.frombuffer(places, dtype=np.uint32), infos, informing, refused)

    def _shards(self, batch: Batch) -> int:
        """As many as there are requests, as far as can be told before they are written."""
        likely = -(-batch.nbytes // self._config.max_batch_size_bytes)
        return min(self._config.remote_write_queue.num_consumers, likely)


def _refused(metrics: list[Metric], without: list[bool]) -> str:
    """Name the first metric that Prometheus has no series for."""
    for metric, refused in zip(metrics, without, strict=True):
        if refused:
            kind = "delta " if metric.temporality == 1 else ""
            return f"Prometheus has no series for the {kind}{metric.data} {metric.name!r}"
    return ""


def _rejected(made: Requests, outcome: Outcome) -> Rejected | None:
    """The points that were not and never will be taken."""
    unsent = int(np.isin(made.places, _NOT_SENT).sum())
    if not unsent + outcome.rejected:
        return None
    faulty = "points whose value is missing or contradicts itself"
    return Rejected(unsent + outcome.rejected, outcome.reason or made.refused or faulty)
