"""The dashboards for Grafana, as data."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.deploy.rules import DEPLOY, load

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAFANA = DEPLOY / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
DASHBOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FILES}

CHOICES = dict.fromkeys(("cluster", "instance", "system", "service"), ".*")
"""What Grafana fills in for variables when a dashboard is opened: all there is."""

INTERVAL = "1m"
"""What it fills in for `$__rate_interval`, which is four scrapes of 15 seconds."""

VARIABLE = re.compile(r"\$(\w*[a-z]\w*)")


def filled(query: str) -> str:
    """A query as Prometheus gets it from a dashboard that was just opened."""
    values = CHOICES | {"__rate_interval": INTERVAL}
    return VARIABLE.sub(lambda found: values[found[1]], query)


class Query(NamedTuple):
    """What a panel asks."""

    dashboard: str
    panel: str
    legend: str
    text: str

    @property
    def filled(self) -> str:
        """As Prometheus gets it."""
        return filled(self.text)


def data_sources() -> dict[str, dict[str, Any]]:
    """What is provisioned, by uid."""
    found = load(GRAFANA / "provisioning" / "datasources" / "penstock.yaml")["datasources"]
    return {source["uid"]: source for source in found}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its panels that show something: all but the headings of rows."""
    yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


def queries() -> Iterator[Query]:
    """What all panels ask."""
    for name, dashboard in DASHBOARDS.items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield Query(name, panel["title"], target["legendFormat"], target["expr"])
