"""OpenSearch as a back end: its process, and what it answers to searches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from tests.integration.program import PATIENCE, Program, fetch, free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.peers import Peers


class OpenSearch(Program):
    """A running node."""

    def __init__(self, peers: Peers, folder: Path) -> None:
        self.port, transport = free_ports(2)
        env = {
            "OPENSEARCH_PORT": str(self.port),
            "OPENSEARCH_TRANSPORT_PORT": str(transport),
            "OPENSEARCH_HEAP": "384m",
        }
        command = peers.command("opensearch", "run", folder / "opensearch")
        super().__init__("opensearch", command, folder, env)

    @property
    def url(self) -> str:
        """Where it takes requests."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Whether it takes documents."""
        return fetch(f"{self.url}/_cluster/health?wait_for_status=yellow") is not None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/{path}", data, headers, method=method)
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def documents(self, index: str, **term: str) -> list[dict[str, Any]]:
        """The documents of indices of such a name that have these values."""
        fetch(f"{self.url}/{index}/_refresh")
        must = [{"match_phrase": {field: value}} for field, value in term.items()]
        query = {"size": 1000, "query": {"bool": {"must": must}}}
        found = self.ask("POST", f"{index}/_search?ignore_unavailable=true", query)
        return [hit["_source"] for hit in found["hits"]["hits"]]
