"""Panels as data: a title, what it tells, its query and its unit.

A query is one text, or several by their legends. One without a legend is called by the labels that
it is split by, or else by the panel's title.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    nodegraph,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana import limits, queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.grafana.limits import Limit

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

Builder = timeseries.Panel | stat.Panel | table.Panel | statetimeline.Panel | nodegraph.Panel
LEGEND = (
    common.VizLegendOptions()
    .show_legend(show_legend=True)
    .display_mode(looks.LegendDisplayMode.LIST)
    .placement(looks.LegendPlacement.BOTTOM)
)
TOOLTIP = (
    common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)
)

B = TypeVar("B", timeseries.Panel, stat.Panel, table.Panel, statetimeline.Panel, nodegraph.Panel)


@dataclass(frozen=True)
class Panel(abc.ABC):
    """What every panel has. `alert` names one: its limits are the thresholds, and the panel links
    to its runbook, as to that of `runbook`, an alert whose limits are of another kind than what is
    shown. `steps` are thresholds of the panel's own. `exemplars` leads from numbers to traces."""

    title: str
    about: str
    query: str | Mapping[str, str]
    unit: str = "short"
    legend: str = ""
    alert: str = ""
    runbook: str = ""
    steps: tuple[Limit, ...] = ()
    exemplars: bool = False
    width: int = 8
    height: int = 8

    @property
    def asked(self) -> dict[str, str]:
        """Queries by their legends."""
        given = {self.legend: self.query} if isinstance(self.query, str) else self.query
        return {
            legend or queries.legend(query, self.title): query for legend, query in given.items()
        }

    @abc.abstractmethod
    def build(self, choices: Sequence[str]) -> Builder:
        """The panel for Grafana; `choices` are the labels that variables choose by."""

    def _dressed(self, builder: B, choices: Sequence[str], *, instant: bool = False) -> B:
        builder.title(self.title).description(self.about).datasource(SOURCE)
        builder.span(self.width).height(self.height).unit(self.unit)
        for letter, (legend, query) in zip(ascii_uppercase, self.asked.items(), strict=False):
            target = prometheus.Dataquery().ref_id(letter).expr(queries.chosen(query, choices))
            target.legend_format(legend).datasource(SOURCE).exemplar(self.exemplars)
            builder.with_target(_table(target) if instant else target.range())
        builder.thresholds(dashboard.ThresholdsConfig().steps(limits.thresholds(self._limits())))
        return builder.links([_runbook(alert) for alert in (self.alert, self.runbook) if alert])

    def _limits(self) -> list[Limit]:
        query = " ".join(self.asked.values())
        return [*self.steps, *(limits.of_alert(self.alert, query) if self.alert else ())]


def _table(target: prometheus.Dataquery) -> prometheus.Dataquery:
    return target.instant().format(PromQueryFormat.TABLE)


def _runbook(alert: str) -> dashboard.DashboardLink:
    link = dashboard.DashboardLink(f"Runbook of {alert}").type(DashboardLinkType.LINK)
    return link.url(limits.runbook(alert)).target_blank(target_blank=True)


@dataclass(frozen=True)
class Graph(Panel):
    """Lines over time, with limits as dashed lines."""

    stacked: bool = False

    def build(self, choices: Sequence[str]) -> timeseries.Panel:
        """The panel for Grafana."""
        builder = self._dressed(timeseries.Panel(), choices)
        builder.axis_soft_min(0).fill_opacity(30 if self.stacked else 8)
        builder.legend(LEGEND).tooltip(TOOLTIP)
        if self.stacked:
            builder.stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL))
        if self.alert or self.steps:
            dashed = looks.GraphThresholdsStyleMode.DASHED
            builder.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))
        return builder


@dataclass(frozen=True)
class Number(Panel):
    """The newest number, large, in the colour of its limit."""

    width: int = 4
    height: int = 4

    def build(self, choices: Sequence[str]) -> stat.Panel:
        """The panel for Grafana."""
        builder = self._dressed(stat.Panel(), choices)
        newest = common.ReduceDataOptions().calcs(["lastNotNull"])
        return builder.reduce_options(newest).graph_mode(looks.BigValueGraphMode.AREA)


@dataclass(frozen=True)
class States(Panel):
    """What state each series was in, over time; `names` has those of the values 0, 1, 2."""

    names: tuple[str, ...] = ("ok", "warning", "critical")
    width: int = 24

    def build(self, choices: Sequence[str]) -> statetimeline.Panel:
        """The panel for Grafana."""
        builder = self._dressed(statetimeline.Panel(), choices)
        colours = (limits.FINE, limits.COLOURS["warning"], limits.COLOURS["critical"])
        named = {
            str(value): ValueMappingResult(text=name, color=colour)
            for value, (name, colour) in enumerate(zip(self.names, colours, strict=False))
        }
        return builder.mappings([ValueMap(options=named)]).show_value(looks.VisibilityMode.NEVER)


@dataclass(frozen=True)
class Table(Panel):
    """A row for each series, of the queries a column each; `units` has those of columns that have
    another unit than the panel."""

    units: Mapping[str, str] | None = None
    width: int = 12

    def build(self, choices: Sequence[str]) -> table.Panel:
        """The panel for Grafana."""
        builder = self._dressed(table.Panel(), choices, instant=True)
        for column, unit in (self.units or {}).items():
            builder.override_by_name(column, [DynamicConfigValue("unit", unit)])
        builder.with_transformation(DataTransformerConfig("merge", options={}))
        return builder.with_transformation(_columns(list(self.asked)))


def _columns(names: list[str]) -> DataTransformerConfig:
    """Columns named by the queries. That of a single query is `Value`, else there are letters."""
    values = [f"Value #{letter}" for letter in ascii_uppercase] if len(names) > 1 else ["Value"]
    renamed = dict(zip(values, names, strict=False))
    options = {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": renamed}
    return DataTransformerConfig("organize", options=options)


@dataclass(frozen=True)
class Nodes(Panel):
    """What goes from one node to another: by the labels `id`, `source` and `target` of one query,
    from which Grafana also makes the nodes."""

    width: int = 24
    height: int = 14

    def build(self, choices: Sequence[str]) -> nodegraph.Panel:
        """The panel for Grafana."""
        builder = self._dressed(nodegraph.Panel(), choices, instant=True)
        builder.nodes(nodegraph.NodeOptions().main_stat_unit(self.unit))
        builder.edges(nodegraph.EdgeOptions().main_stat_unit(self.unit))
        # The number is known by the name of its field, which renaming leaves as it is.
        options = {"mode": "reduceRow", "reduce": {"reducer": "sum"}, "alias": "mainstat"}
        return builder.with_transformation(DataTransformerConfig("calculateField", options=options))
