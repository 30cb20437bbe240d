"""Dashboards are what their definitions say, whole, and about numbers that there are."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard, Threshold

from deploy.grafana.generate import definitions, written
from deploy.grafana.limits import Limit, of_alert, runbook, thresholds
from tests.deploy.dashboards import (
    CHOICES,
    DASHBOARDS,
    FILES,
    GRAFANA,
    Query,
    data_sources,
    panels,
    queries,
)
from tests.deploy.rules import BASE, documented, load, names, records

UNITS = {unit for unit in vars(units).values() if isinstance(unit, str)}
PANELS = [
    pytest.param(panel, id=f"{name}-{panel['id']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]
QUERIES = [pytest.param(it, id=f"{it.dashboard}-{it.panel}-{it.legend}") for it in queries()]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

over_dashboards = pytest.mark.parametrize("name", DASHBOARDS)
over_panels = pytest.mark.parametrize("panel", PANELS)
over_queries = pytest.mark.parametrize("query", QUERIES)


def test_files_are_what_the_definitions_come_to() -> None:
    """`python -m deploy.grafana.generate` writes them."""
    generated = {definition.uid: written(definition) for definition in definitions()}
    assert {path.stem: path.read_text() for path in FILES} == generated


@over_dashboards
def test_a_dashboard_is_of_the_types_that_grafana_publishes(name: str) -> None:
    register_default_plugins()
    read = Dashboard.from_json(DASHBOARDS[name])
    assert (read.uid, read.editable) == (name, False)
    assert len(read.panels or []) == len(DASHBOARDS[name]["panels"])


@over_dashboards
def test_a_dashboard_lets_choose_the_data_source_and_all_that_queries_choose_by(name: str) -> None:
    source, *choices = DASHBOARDS[name]["templating"]["list"]
    assert (source["name"], source["label"], source["query"]) == (
        "datasource",
        "Data source",
        "prometheus",
    )
    assert {choice["name"] for choice in choices} <= CHOICES.keys()
    for choice in choices:
        assert choice["datasource"] == SOURCE
        assert choice["refresh"] == 2, "when the time range changes"
        assert (choice["includeAll"], choice["allValue"]) == (True, ".*")


@over_dashboards
def test_panels_do_not_overlap_and_have_numbers_of_their_own(name: str) -> None:
    found = DASHBOARDS[name]["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    assert not any(
        overlap(one["gridPos"], other["gridPos"]) for one, other in combinations(found, 2)
    )
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in found)


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[begin] < other[begin] + other[size] and other[begin] < one[begin] + one[size]
        for begin, size in (("x", "w"), ("y", "h"))
    )


@over_panels
def test_a_panel_says_what_it_shows_in_which_unit_and_of_whom(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert defaults["unit"] in UNITS
    assert panel["datasource"] == SOURCE
    assert all(target["datasource"] == SOURCE for target in panel["targets"])


@over_panels
def test_lines_have_names_that_are_shown(panel: dict[str, Any]) -> None:
    assert all(target["legendFormat"] for target in panel["targets"])
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]


@over_panels
def test_thresholds_rise_and_links_lead_to_runbooks(panel: dict[str, Any]) -> None:
    first, *steps = [it["value"] for it in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert first is None
    assert steps == sorted(set(steps))
    assert all(link["url"].startswith(BASE) for link in panel["links"])


@over_queries
def test_whatever_is_asked_is_chosen_by_the_variables(query: Query) -> None:
    chosen = re.sub(r'"[^"]*"', lambda found: found[0].replace("{", ""), query.text)
    selections = re.findall(r"\{([^}]*)\}", chosen)
    assert selections
    assert all(selection.startswith('cluster=~"$cluster"') for selection in selections)
    assert len(selections) >= len(names(query.filled))


@over_queries
def test_rates_are_over_as_long_as_grafana_finds_fit(query: Query) -> None:
    assert re.findall(r"\b(?:rate|irate)\([^[]*\[(?!\$__rate_interval)", query.text) == []


@over_queries
def test_recorded_names_and_penstock_s_own_are_those_that_there_are(query: Query) -> None:
    found = names(query.filled)
    assert {name for name in found if ":" in name} <= records().keys()
    own = {
        re.sub("_(bucket|sum|count)$", "", name): labels
        for name, labels in found.items()
        if name.startswith(("otelcol_", "penstock_"))
    }
    assert own.keys() <= documented().keys()
    for name, labels in own.items():
        assert labels <= {*documented()[name].labels, "cluster", "instance", "job"}, name
        if documented()[name].kind == "counter" and name != "otelcol_process_uptime":
            assert re.search(rf"rate\({name}\b", query.text), name


def test_limits_are_those_of_the_rules() -> None:
    assert of_alert("PenstockQueueFilling") == [
        Limit("warning", 0.7, worse_above=True),
        Limit("critical", 0.95, worse_above=True),
    ]
    assert of_alert("AgentHiveFewAgents") == [
        Limit("warning", 3, worse_above=False),
        Limit("critical", 0, worse_above=False),
    ]
    assert runbook("PenstockQueueFilling").startswith(f"{BASE}penstock/PenstockQueueFilling.md")
    with pytest.raises(KeyError):
        of_alert("NoSuchAlert")


def test_of_several_limits_that_of_the_query_counts() -> None:
    query = "max(orchestrator_platform:workflow_success:ratio_1d{$})"
    assert of_alert("DailyGoalMissed", query) == [Limit("info", 0.95, worse_above=False)]


def test_thresholds_are_colours_from_the_lowest_number_on() -> None:
    assert steps(thresholds([])) == [(None, "green")]
    assert steps(thresholds(of_alert("PenstockQueueFilling"))) == [
        (None, "green"),
        (0.7, "orange"),
        (0.95, "red"),
    ]
    assert steps(thresholds(of_alert("MultiAgentLowThroughput"))) == [
        (None, "red"),
        (2, "orange"),
        (5, "green"),
    ]


def test_zero_itself_is_not_above_zero() -> None:
    ((_, fine), (start, bad)) = steps(thresholds([Limit("critical", 0, worse_above=True)]))
    assert (fine, bad) == ("green", "red")
    assert start is not None
    assert 0 < start < 0.001


def steps(found: list[Threshold]) -> list[tuple[float | None, str]]:
    return [(it.value, it.color) for it in found]


def test_data_sources_know_each_other() -> None:
    sources = data_sources()
    assert [it["type"] for it in sources.values() if it.get("isDefault")] == ["prometheus"]
    assert set(re.findall(r"datasourceUid': '(\w+)'", str(sources))) == {"jaeger", "logs"}
    assert {"jaeger", "logs"} <= sources.keys()


def test_each_dashboard_is_an_object_that_grafana_finds_in_kubernetes() -> None:
    settings = load(GRAFANA / "kustomization.yaml")
    listed = [it["files"] for it in settings["configMapGenerator"]]
    assert listed == [[f"dashboards/{path.name}"] for path in FILES]
    assert settings["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}
