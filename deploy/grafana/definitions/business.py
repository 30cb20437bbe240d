"""What the business runs on: a row for each preset, a graph for each of its indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.grafana.dashboard import Dashboard
from deploy.grafana.limits import Limit
from deploy.grafana.panels import Graph, Panel, States
from penstock.business import presets
from penstock.business.kinds import Count, Histogram, Slo, Sum
from penstock.business.options import Judged, Measured
from penstock.business.settings import Settings
from penstock.prometheus.names import MetricType, Namer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.business.options import Indicator

UNITS = {"": "short", "1": "percentunit", "%": "percent", "s": "s", "{request}/s": "reqps"}
"""Grafana's words for those of indicators; what else there is is a number of things."""

WORDS = {"ai": "AI", "api": "API", "http": "HTTP"}

SHOWN = "6m"
"""For how long a number holds: they come every five minutes, which is as long as they are shown."""

NAMER = Namer()


def newest(name: str, unit: str, by: str = "") -> str:
    """The last number of each key."""
    series = NAMER.metric(name, unit, MetricType.GAUGE)
    return f"max{by} (last_over_time({series}{{$}}[{SHOWN}]))"


def split(name: str, indicator: Indicator) -> str:
    """The labels of an indicator, as a clause; those that a scrape makes others of are these."""
    labels = [NAMER.label(key) for key in indicator.by] if isinstance(indicator, Measured) else []
    if name.startswith("agent_hive_external_api"):
        labels = ["api" if label == "service" else label for label in labels]
    return f" by ({', '.join(labels)})" if labels else ""


def query(name: str, indicator: Indicator) -> str:
    """What an indicator is now, or of one that only grows, by how much a second."""
    by = split(name, indicator)
    match indicator:
        case Histogram():
            buckets = NAMER.metric(name, indicator.unit, MetricType.HISTOGRAM) + "_bucket"
            by = by.replace("(", "(le, ") or " by (le)"
            return f"histogram_quantile(0.95, sum{by} (rate({buckets}{{$}}[$__rate_interval])))"
        case Count(window=None) | Sum(window=None, monotonic=True):
            counter = NAMER.metric(name, indicator.unit, MetricType.COUNTER)
            return f"sum{by} (rate({counter}{{$}}[$__rate_interval]))"
    return newest(name, indicator.unit, by)


def title(name: str, indicator: Indicator) -> str:
    """What the panel of an indicator is called."""
    first, *rest = (WORDS.get(word, word) for word in name.split("_"))
    words = " ".join([first[0].upper() + first[1:], *rest])
    if isinstance(indicator, Histogram):
        return f"{words}, p95"
    return f"{words} a second" if query(name, indicator).startswith("sum") else words


def limits(indicator: Indicator) -> Iterator[Limit]:
    """The thresholds of an indicator."""
    if isinstance(indicator, Judged) and indicator.is_judged:
        for severity, value in (("warning", indicator.warning), ("critical", indicator.critical)):
            if value is not None:
                yield Limit(severity, value, worse_above=indicator.worse_above)


def panels(name: str, indicator: Indicator) -> Iterator[Panel]:
    """The graph of an indicator, with its target."""
    queries = {"": query(name, indicator)}
    if isinstance(indicator, Judged) and indicator.target is not None:
        queries["target"] = newest(f"{name}_target", indicator.unit)
    unit, steps = UNITS.get(indicator.unit, "short"), tuple(limits(indicator))
    yield Graph(title(name, indicator), indicator.description, queries, unit, steps=steps, width=6)
    if isinstance(indicator, Slo):
        yield from of_objective(name, indicator)


def of_objective(name: str, slo: Slo) -> Iterator[Panel]:
    """What an objective has besides."""
    budget = newest(f"{name}_error_budget_remaining", slo.unit)
    about = "What is left of the error budget: negative where it is overdrawn."
    yield Graph(f"{title(name, slo)}, error budget", about, budget, "percentunit", width=6)
    burning = newest(f"{name}_burn_rate", "", " by (window)")
    about = "1 is where the error budget would be used up just at the end of the period."
    yield Graph(f"{title(name, slo)}, burn rate", about, burning, width=6)


def row(preset: str) -> list[Panel]:
    """How the indicators of a preset did, and the numbers of each."""
    indicators = Settings(preset=preset).indicators
    judged = [
        it for it, found in indicators.items() if isinstance(found, Judged) and found.is_judged
    ]
    states = f'last_over_time({{$, __name__=~"({"|".join(judged)})_state"}}[{SHOWN}])'
    about = "Whether indicators were within their thresholds."
    return [
        States("States", about, f"max by (__name__) ({states})"),
        *(panel for each in indicators.items() for panel in panels(*each)),
    ]


DASHBOARD = Dashboard(
    uid="business",
    title="Business indicators",
    about="What the business of each system runs on, against its targets and thresholds.",
    rows={preset.replace("_", " ").capitalize(): row(preset) for preset in presets.names()},
    since="now-6h",
    refresh="5m",
)
