"""Send telemetry to Elasticsearch or OpenSearch, as documents."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import Field, SecretStr, model_validator
from yarl import URL

from penstock.config.types import Duration
from penstock.exporters import _elastic_options as options
from penstock.exporters._elastic_bulk import (
    FILTER,
    REJECTED,
    Body,
    Outcome,
    refusal,
    wrong_media_type,
)
from penstock.exporters._elastic_documents import Documents
from penstock.exporters._elastic_nodes import Nodes, Product
from penstock.exporters._elastic_routes import Router
from penstock.exporters._elastic_setup import install
from penstock.exporters._http import Content, Poster, PosterConfig, Url
from penstock.pipeline import Batch, Context, Exporter, Retryable, Signal
from penstock.pipeline.delivery.delivery import DeliveryConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.pipeline import Rejected

_ALWAYS = "documents are routed by attributes wherever no static index is set; remove it"


class Config(PosterConfig, DeliveryConfig):
    """Options of the `elasticsearch` exporter, under the Collector's names."""

    not_here: ClassVar[Mapping[str, str]] = {
        "batcher": "set `sending_queue.batch`",
        "bulk_response_filter_path": "answers are asked for what is read of them; remove it",
        "compression_params": "requests are compressed at level 1; remove it",
        "discover": "name all nodes in `endpoints`",
        "flush": "set `sending_queue.batch`: `flush_timeout` and `min_size`",
        "index": "set `logs_index`, `traces_index` or `metrics_index`",
        "logs_dynamic_index": _ALWAYS,
        "metadata_keys": "batches have no metadata of clients; remove it",
        "metrics_dynamic_index": _ALWAYS,
        "num_workers": "set `sending_queue.num_consumers`",
        "retry": "set `retry_on_failure`: what is refused with 429 or 5xx is sent again",
        "telemetry": "bodies are not logged; read what could not be sent with `dead_letter`",
        "traces_dynamic_index": _ALWAYS,
    }

    endpoint: Url | None = None
    """Where to send: the URL of a node, such as `https://elastic:9200`."""
    endpoints: list[Url] = Field(default_factory=list)
    """The URLs of several nodes, which are sent to in turns; one that fails is left out for a
    while."""
    cloudid: options.CloudId | None = None
    """Where to send: the Cloud ID of a deployment in Elastic Cloud."""
    user: str = ""
    """The name for basic authentication."""
    password: SecretStr = SecretStr("")
    """Its password."""
    api_key: SecretStr = SecretStr("")
    """An API key, in the encoding that Elasticsearch gives it."""
    timeout: Duration = Field(default=90.0, gt=0)
    """How long one request may take."""
    retry_on_failure: options.BulkRetry = options.BulkRetry()
    """When what could not be sent is sent again."""
    sending_queue: options.BulkQueue = options.BulkQueue()
    """What waits to be sent."""
    compression: options.Compression = "gzip"
    """How requests are compressed: `gzip` or `none`."""
    logs_index: str = ""
    """The index or data stream of all logs; without it, attributes decide."""
    traces_index: str = ""
    """The same of spans."""
    metrics_index: str = ""
    """The same of metrics."""
    logstash_format: options.LogstashFormat = options.LogstashFormat()
    """Indices of one day each."""
    logs_dynamic_id: options.Switch = options.Switch()
    """Whether the attribute `elasticsearch.document_id` of a record is the id of its document."""
    traces_dynamic_id: options.Switch = options.Switch()
    """The same of spans."""
    logs_dynamic_pipeline: options.Switch = options.Switch()
    """Whether the attribute `elasticsearch.document_pipeline` of a record names its pipeline."""
    pipeline: str = ""
    """The ingest pipeline that documents go through."""
    include_source_on_error: bool | None = None
    """Whether reasons of failures may quote documents (Elasticsearch 8.18)."""
    mapping: options.Mapping = options.Mapping()
    """How documents are made."""

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if sum(map(bool, (self.endpoint, self.endpoints, self.cloudid))) != 1:
            msg = "expected one of endpoint, endpoints and cloudid"
            raise ValueError(msg)
        schemes = {URL(node).scheme for node in self.nodes}
        self.tls.check_scheme(clear="http" in schemes, encrypted="https" in schemes)
        return self

    @model_validator(mode="after")
    def _one_kind_of_credentials(self) -> Self:
        if bool(self.user) != bool(self.password.get_secret_value()):
            msg = "user and password belong together: set both or neither"
            raise ValueError(msg)
        if sum(map(bool, (self.user, self.api_key.get_secret_value(), self.auth))) > 1:
            msg = "user, api_key and auth are three ways to say who sends: set one of them"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _mode_is_allowed(self) -> Self:
        if self.mapping.mode not in self.mapping.allowed_modes:
            msg = f"mapping.mode {self.mapping.mode} is not one of mapping.allowed_modes"
            raise ValueError(msg)
        return self

    @property
    def nodes(self) -> list[str]:
        """The URLs that are sent to."""
        if self.cloudid:
            return [options.cloud_endpoint(self.cloudid)]
        return [self.endpoint] if self.endpoint else self.endpoints

    @property
    def patience(self) -> None:
        """Each request has its time-out: a batch can take many."""

    @property
    def authorization(self) -> dict[str, str]:
        """The header that says who sends, if the exporter's own options do."""
        if key := self.api_key.get_secret_value():
            return {"Authorization": f"ApiKey {key}"}
        if not self.user:
            return {}
        pair = f"{self.user}:{self.password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def index(self, signal: Signal) -> str:
        """The static index of a signal, if there is one."""
        index: str = getattr(self, f"{signal}_index")
        return index

    def build(self, context: Context) -> Exporter:
        """The exporter these settings describe."""
        return Elasticsearch(self, context)


class Elasticsearch(Exporter):
    """A batch as requests of the bulk API; each item's documents have their own outcome."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._router = Router(config)
        self._encoding = "" if config.compression == "none" else config.compression
        self._poster = Poster(config, context)
        self._nodes = Nodes(config.nodes, self._poster, config.timeout)
        self._query = {"filter_path": FILTER}
        if config.pipeline:
            self._query["pipeline"] = config.pipeline
        if config.include_source_on_error is not None:
            self._query["include_source_on_error"] = str(config.include_source_on_error).lower()

    async def start(self) -> None:
        """Open the client, which connects when it is first used. Raises `StartError`."""
        encrypted = all(URL(node).scheme == "https" for node in self._config.nodes)
        self._poster.start(self._config.authorization, encrypted=encrypted)

    async def stop(self) -> None:
        """Close the connections."""
        await self._poster.stop()

    async def prepare(self) -> list[str]:
        """Install templates and the lifecycle policy."""
        return await install(self._nodes)

    async def send(self, batch: Batch) -> Rejected | None:
        """Send all documents, and tell apart what became of each item."""
        outcome = await self._send(batch)
        return outcome.settle()

    async def _send(self, batch: Batch) -> Outcome:
        outcome = Outcome(batch)
        cluster = await self._nodes.cluster()
        ways = self._router.routes(batch)
        elastic = cluster.product is Product.ELASTICSEARCH
        documents = Documents(self._config, batch, ways, templates=elastic)
        while not documents.done:
            fault = await self._send_bodies(batch, await documents.part(outcome), outcome)
            if fault is not None:
                outcome.rest_later(fault)
                break
        return outcome

    async def _send_bodies(
        self, batch: Batch, bodies: Iterable[Body], outcome: Outcome
    ) -> Retryable | None:
        """What kept them from being sent, from one on, if anything did."""
        failed: Retryable | None = None
        for body in bodies:
            try:
                if failed is None:
                    await self._send_body(batch, body, outcome)
            except Retryable as fault:
                failed = fault
            if failed is not None:
                outcome.later(body.items, failed)
        return failed

    async def _send_body(self, batch: Batch, body: Body, outcome: Outcome) -> None:
        cluster = await self._nodes.cluster()
        media = cluster.media
        content = Content(body.data, media.content, self._encoding, media.accept)
        answer = await self._nodes.request("POST", "_bulk", self._query, content)
        status = answer.response.status
        if not answer.failed:
            outcome.read(body, answer)
        elif status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            await self._send_halves(batch, body, outcome)
        elif wrong_media_type(answer) and self._nodes.speaks_plainly():
            await self._send_body(batch, body, outcome)
        else:
            fault = refusal(answer)
            if isinstance(fault, Retryable):
                raise fault
            outcome.put(body.items, REJECTED, str(fault))

    async def _send_halves(self, batch: Batch, body: Body, outcome: Outcome) -> None:
        items = np.unique(body.items)
        if len(items) == 1:
            reason = "413: the document alone is larger than the server takes"
            return outcome.put(items, REJECTED, reason)
        for half in np.array_split(items, 2):
            mask = np.zeros(len(batch), dtype=np.bool_)
            mask[half] = True
            part = batch.keep(mask)
            assert part is not None, "halves are not empty"
            outcome.put_part(half, await self._send(part))
        return None
