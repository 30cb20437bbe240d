"""The nodes of a cluster: which are alive, what they run, and requests to one of them."""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import orjson
from elastic_transport import BaseNode, NodeConfig, NodePool
from yarl import URL

from penstock.exporters._http import name_of
from penstock.pipeline import Retryable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.exporters._http import Answer, Content, Poster

logging.getLogger("elastic_transport").setLevel(logging.ERROR)
"""It warns of every node that fails. Delivery tells that as well, and sums it up."""

_NODE_FAILED = {502, 503, 504}
"""Another node may take it."""

_FIRST_COMPATIBLE = 8


class Media(NamedTuple):
    """The types of a request of the bulk API, and of its answer."""

    content: str
    accept: str


PLAIN = Media("application/x-ndjson", "application/json")
COMPATIBLE = Media(
    "application/vnd.elasticsearch+x-ndjson; compatible-with=8",
    "application/vnd.elasticsearch+json; compatible-with=8",
)
"""What Elasticsearch 9 understands as 8 does (REST API compatibility): both say so, or neither."""


class Product(StrEnum):
    """What a cluster runs."""

    ELASTICSEARCH = "elasticsearch"
    OPENSEARCH = "opensearch"
    UNKNOWN = "unknown"


class Cluster(NamedTuple):
    """What a node says of its cluster."""

    product: Product = Product.UNKNOWN
    major: int = 0

    @property
    def media(self) -> Media:
        """How it is spoken to. OpenSearch refuses Elasticsearch's own types."""
        own = self.product is Product.ELASTICSEARCH and self.major >= _FIRST_COMPATIBLE
        return COMPATIBLE if own else PLAIN


class _Node(BaseNode):
    """A place in the pool; requests are `Poster`'s, whose answers are bounded."""


class Nodes:
    """The nodes that are sent to, in turns, but for those that failed lately."""

    def __init__(self, endpoints: Sequence[str], poster: Poster, timeout: float) -> None:
        configs = [_config(endpoint) for endpoint in dict.fromkeys(endpoints)]
        self._pool = NodePool(configs, node_class=_Node)
        self._poster = poster
        self._timeout = timeout
        self._cluster: Cluster | None = None
        self._turn = asyncio.Lock()

    async def cluster(self) -> Cluster:
        """What the nodes run; asked once. Raises `Retryable` where none can be asked."""
        async with self._turn:
            if self._cluster is None:
                self._cluster = _cluster(await self.request("GET", ""))
            return self._cluster

    def speaks_plainly(self) -> bool:
        """Send what every product takes from now on; whether that is new."""
        before, self._cluster = self._cluster, Cluster()
        return before is not None and before.media != self._cluster.media

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        content: Content | None = None,
    ) -> Answer:
        """The answer of a node that gives one. Raises `Retryable` where none does."""
        for left in range(len(self._pool) - 1, -1, -1):
            node = self._pool.get()
            url = URL(node.base_url, encoded=True) / path if path else URL(node.base_url + "/")
            try:
                answer = await self._ask(method, url.with_query(query), content)
            except Retryable:
                self._pool.mark_dead(node)
                if not left:
                    raise
                continue
            if answer.response.status not in _NODE_FAILED:
                self._pool.mark_live(node)
                return answer
            self._pool.mark_dead(node)
            if not left:
                return answer
        msg = "no node"  # a pool has one at least
        raise AssertionError(msg)

    async def _ask(self, method: str, url: URL, content: Content | None) -> Answer:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._poster.request(method, url, content)
        except TimeoutError as error:
            msg = f"{name_of(url)}: no answer in time (timeout {self._timeout:g}s)"
            raise Retryable(msg) from error


def _config(endpoint: str) -> NodeConfig:
    url = URL(endpoint)
    assert url.host
    port = url.port or (443 if url.scheme == "https" else 80)
    return NodeConfig(url.scheme, url.host, port, path_prefix=url.raw_path.rstrip("/"))


def _cluster(answer: Answer) -> Cluster:
    """A key that may write only may not ask for this: then nothing is known."""
    try:
        version = orjson.loads(answer.body or b"")["version"]
        major = int(version["number"].partition(".")[0])
    except (ValueError, LookupError, TypeError, AttributeError):
        return Cluster()
    opensearch = version.get("distribution") == "opensearch"
    return Cluster(Product.OPENSEARCH if opensearch else Product.ELASTICSEARCH, major)
