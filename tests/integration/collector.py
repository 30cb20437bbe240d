"""The Collector, beside which Penstock is held: with pipelines for each of some cases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.request import Request, urlopen

from tests.integration.program import Program, fetch, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from penstock.pipeline import Signal
    from tests.integration.peers import Peers

Sections: TypeAlias = dict[str, dict[str, Any]]
"""What a case adds to sections of the settings, and to the `pipelines`."""


class Collector(Program):
    """Each case has a port, where the receiver `otlp/<its number>` takes what is sent; all of them
    may send to the back end by the exporter `otlp`."""

    def __init__(
        self,
        peers: Peers,
        folder: Path,
        back_end: str,
        cases: Mapping[str, Any],
        sections: Callable[[int, Any], Sections],
    ) -> None:
        *ports, self._health = free_ports(len(cases) + 1)
        self._ports = dict(zip(cases, ports, strict=True))
        parts: Sections = {"pipelines": {}}
        for number, case in enumerate(cases.values()):
            for section, part in sections(number, case).items():
                parts.setdefault(section, {}).update(part)
        config = folder / "collector.json"
        config.write_text(json.dumps(self._config(back_end, parts)))
        super().__init__("otelcol", peers.command("otelcol", "run", config), folder)

    def ready(self) -> bool:
        """Whether it answers."""
        return fetch(f"http://127.0.0.1:{self._health}/") is not None

    def send(self, case: str, signal: Signal, payload: bytes) -> None:
        """Give a case a request."""
        url = f"http://127.0.0.1:{self._ports[case]}/v1/{signal}"
        with urlopen(Request(url, payload, {"Content-Type": "application/x-protobuf"})) as answer:
            assert answer.status == 200

    def _config(self, back_end: str, parts: Sections) -> dict[str, Any]:
        pipelines = parts.pop("pipelines")
        return parts | {
            "extensions": {"health_check": {"endpoint": f"127.0.0.1:{self._health}"}},
            "receivers": {
                f"otlp/{number}": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}
                for number, port in enumerate(self._ports.values())
            },
            "exporters": {"otlp": {"endpoint": back_end, "tls": {"insecure": True}}},
            "service": {
                "extensions": ["health_check"],
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": pipelines,
            },
        }
