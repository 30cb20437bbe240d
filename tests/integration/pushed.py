"""A Penstock that is pushed to."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from tests.integration.program import free_ports
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECRET = "It's a Secret to Everybody"
"""That of GitHub's own example of a signature."""


class Pushed(Penstock):
    """Takes pushes as `receiver` says, and passes them on."""

    def __init__(self, folder: Path, exporters: Mapping[str, Any], **receiver: Any) -> None:
        self._receiver = receiver
        super().__init__(folder, exporters)

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        (self.port,) = free_ports(1)
        settings = super().settings(exporters)
        receiver = {
            "endpoint": f"127.0.0.1:{self.port}",
            "webhooks": [{"path": "/hooks/{who}", "signature": {"secret": SECRET}}],
        }
        settings["receivers"] = {"push_http": receiver | self._receiver}
        pipelines = settings["service"]["pipelines"]
        pipelines = {signal: pipelines[signal] for signal in ("metrics", "logs")}
        for pipeline in pipelines.values():
            pipeline["receivers"] = ["push_http"]
        settings["service"]["pipelines"] = pipelines
        return settings

    @property
    def address(self) -> str:
        """Where it takes them."""
        return f"http://127.0.0.1:{self.port}"

    def curl(self, *arguments: str, body: bytes = b"") -> tuple[int, str]:
        """What curl is told: a status and a text."""
        path, *options = arguments
        command = ["curl", "-sS", "-w", "\n%{http_code}", self.address + path, *options]
        done = subprocess.run(command, input=body, capture_output=True, check=True)
        text, _, status = done.stdout.decode().rpartition("\n")
        return int(status), text
