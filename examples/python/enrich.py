"""Give every item the team that owns its service, as a CSV file has it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from penstock.pipeline import Batch


class Config(BaseModel):
    """Settings, under `config` of the processor."""

    csv: Path
    """A file with the columns `service` and `team`."""


class Processor:
    """Knows the teams from its start on."""

    def __init__(self, config: Config) -> None:
        self._csv = config.csv
        self._teams: dict[str, str] = {}

    def start(self) -> None:
        """Read the file. What is raised here stops Penstock's start."""
        with self._csv.open(newline="") as file:
            self._teams = {row["service"]: row["team"] for row in csv.DictReader(file)}

    def process(self, batch: Batch) -> Batch:
        """Look each distinct service up once, however many items it has."""
        services = batch.column('resource.attributes["service.name"]')
        known = services.isin(self._teams)
        return batch.set('resource.attributes["team"]', services.map(self._teams.get), where=known)
