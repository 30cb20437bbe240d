"""Grafana's own code for units and frames, which npm has, while it has no Grafana."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.deploy.rules import DEPLOY
from tests.integration.peers import CACHE, CLIENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def version() -> str:
    """That of the Grafana which comes with the compose stack."""
    found = re.search(
        r"image: grafana/grafana:(\S+)", (DEPLOY / "compose/compose.yaml").read_text()
    )
    assert found
    return found[1]


@cache
def installed() -> Path:
    """The folder that has the code; an earlier run may have put it there."""
    folder = CACHE / f"grafana-{version()}"
    if not (folder / "complete").exists():
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        package = f"@grafana/data@{version()}"
        subprocess.run(["npm", "install", *quiet, "--prefix", folder, package], check=True)
        (folder / "complete").touch()
    return folder


def ask(units: Iterable[str], panels: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Which `units` are `unknown`, and of each panel with its `transformations` and `frames` the
    `columns`: those of each frame, with the name and the name that is shown."""
    done = subprocess.run(
        ["node", CLIENTS / "grafana.cjs"],
        input=json.dumps({"units": sorted(units), "panels": list(panels)}),
        env={**os.environ, "GRAFANA": str(installed())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def table(letter: str, series: Sequence[tuple[dict[str, str], Any]], *, alone: bool) -> Any:
    """The frame that the data source for Prometheus makes of an answer in the format of a table."""
    labels = dict.fromkeys(label for found, _ in series for label in found)
    texts = [field(label, "string", [it.get(label, "") for it, _ in series]) for label in labels]
    value = "Value" if alone else f"Value #{letter}"
    read = (float(number) for _, number in series)
    numbers = field(value, "number", [it if math.isfinite(it) else None for it in read])
    return {
        "refId": letter,
        "fields": [field("Time", "time", [0] * len(series)), *texts, numbers],
    }


def field(name: str, kind: str, values: Sequence[Any]) -> dict[str, Any]:
    """A column."""
    return {"name": name, "type": kind, "values": list(values)}
