"""Dashboards as data: rows of panels, and the labels that are chosen by."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.panels import SOURCE, Panel
from deploy.grafana.queries import matchers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TAG = "penstock"
"""What these dashboards are found by, and linked to each other."""


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A dashboard. `choices` are labels, the widest first, each with the metric whose values of it
    are offered."""

    uid: str
    title: str
    about: str
    rows: Mapping[str, Sequence[Panel]]
    choices: Mapping[str, str] = field(default_factory=lambda: {"cluster": "up"})
    since: str = "now-1h"
    refresh: str = "30s"

    def build(self) -> dashboard.Dashboard:
        """The dashboard for Grafana."""
        made = dashboard.Dashboard(self.title).uid(self.uid).description(self.about).readonly()
        made.tags([TAG]).time(self.since, "now").refresh(self.refresh)
        made.tooltip(DashboardCursorSync.CROSSHAIR).link(_others())
        made.with_variable(_source())
        for number, (label, metric) in enumerate(self.choices.items()):
            made.with_variable(_choice(label, metric, list(self.choices)[:number]))
        ids = count(1)
        for title, panels in self.rows.items():
            made.with_row(dashboard.Row(title).id(next(ids)))
            for panel in panels:
                made.with_panel(panel.build(list(self.choices)).id(next(ids)))
        return made


def _source() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _choice(label: str, metric: str, within: list[str]) -> dashboard.QueryVariable:
    """All values at first: a cluster's own Prometheus does not show the label `cluster`."""
    variable = dashboard.QueryVariable(label).label(label.capitalize()).datasource(SOURCE)
    chosen = f"{{{matchers(within)}}}" if within else ""
    variable.query(f"label_values({metric}{chosen}, {label})")
    variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    variable.multi(multi=True).include_all(include_all=True).all_value(".*")
    return variable.current(VariableOption(selected=True, text="All", value="$__all"))


def _others() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return (
        link.as_dropdown(as_dropdown=True).include_vars(include_vars=True).keep_time(keep_time=True)
    )
