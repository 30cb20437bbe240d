"""Prometheus with what deploy/prometheus/ holds, and targets of this machine."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from tests.deploy.rules import PROMETHEUS
from tests.integration.program import Program, fetch, free_ports
from tests.integration.prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.peers import Peers

WAITS = re.compile(r"\b(scrape_interval|scrape_timeout|evaluation_interval|interval|for): \w+")


class Deployed(Prometheus):
    """A running Prometheus that waits a second for whatever it waits for.

    Targets are those of each file by its name; a file that is not named has none.
    """

    def __init__(self, peers: Peers, folder: Path, targets: Mapping[str, list[Any]]) -> None:
        (self.port,) = free_ports(1)
        shutil.copytree(PROMETHEUS, folder, dirs_exist_ok=True)
        for file in folder.glob("targets/**/*.yml"):
            file.write_text(json.dumps(targets.get(file.stem, [])))
        settings = folder / "prometheus.yml"
        for file in (settings, *folder.glob("rules/*.yml")):
            file.write_text(WAITS.sub(r"\1: 1s", file.read_text()))
        env = {
            "PROMETHEUS_PORT": str(self.port),
            "PROMETHEUS_CONFIG": str(settings),
            "PROMETHEUS_FLAGS": "--rules.alert.resend-delay=1s --enable-feature=exemplar-storage",
        }
        command = peers.command("prometheus", "run", folder / "data")
        Program.__init__(self, "prometheus", command, folder, env)

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, and how its last evaluation went."""
        page = fetch(f"http://127.0.0.1:{self.port}/api/v1/rules")
        assert page, self.output()
        return [rule for group in json.loads(page)["data"]["groups"] for rule in group["rules"]]


def at(port: int, **labels: str) -> list[Any]:
    """A target of this machine, as a file has it."""
    return [{"targets": [f"127.0.0.1:{port}"], "labels": labels}]
