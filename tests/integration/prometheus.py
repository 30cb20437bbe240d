"""Prometheus as a back end: its process, and what it answers to queries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.integration.program import Program, fetch, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.integration.peers import Peers


class Prometheus(Program):
    """A running Prometheus that scrapes what `jobs` say, once a second, and writes that to what
    `remote_write` says."""

    def __init__(
        self,
        peers: Peers,
        folder: Path,
        jobs: Sequence[dict[str, Any]] = (),
        flags: Sequence[str] = (),
        remote_write: Sequence[dict[str, Any]] = (),
    ) -> None:
        (self.port,) = free_ports(1)
        file = folder / "prometheus.yml"
        settings = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": list(jobs),
            "remote_write": list(remote_write),
        }
        file.write_text(json.dumps(settings))  # JSON is YAML too
        env = {
            "PROMETHEUS_PORT": str(self.port),
            "PROMETHEUS_CONFIG": str(file),
            "PROMETHEUS_FLAGS": " ".join(flags),
        }
        command = peers.command("prometheus", "run", folder / "prometheus")
        super().__init__("prometheus", command, folder, env)

    def ready(self) -> bool:
        """Whether it answers queries."""
        return fetch(f"http://127.0.0.1:{self.port}/-/ready") is not None

    def query(self, expression: str) -> list[tuple[dict[str, str], Any]]:
        """The labels and the value of each series that a PromQL expression gives now: a text, or
        for a native histogram what the API makes of it."""
        found = self._ask("query", query=expression)["result"]
        return [
            (series["metric"], series.get("histogram", series.get("value"))[1]) for series in found
        ]

    def exemplars(self, expression: str) -> list[dict[str, Any]]:
        """Every exemplar of the series of an expression."""
        found = self._ask("query_exemplars", query=expression, start="0", end="4e9")
        return [exemplar for series in found for exemplar in series["exemplars"]]

    def _ask(self, what: str, **question: str) -> Any:
        page = fetch(f"http://127.0.0.1:{self.port}/api/v1/{what}?{urlencode(question)}")
        assert page, self.output()
        return json.loads(page)["data"]
