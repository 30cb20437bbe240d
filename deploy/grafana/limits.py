"""What numbers should be: the limits that the alerts of deploy/prometheus/ fire at."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from grafana_foundation_sdk.models.dashboard import Threshold

RULES = Path(__file__).parents[1] / "prometheus" / "rules"

COLOURS = {"info": "blue", "warning": "orange", "critical": "red"}
"""Of each severity; what is as it should be is green."""

FINE = "green"

JUST_ABOVE = 1e-9
"""By how much a number is above a limit: in Grafana a threshold's own value is beyond it."""

_RECORDED = re.compile(r"\w+(?::\w+)+")
_COMPARISON = re.compile(r"(==|[<>])\s*(\d[\d.]*)")


class Limit(NamedTuple):
    """A number, on whose worse side something is as bad as `severity` says."""

    severity: str
    value: float
    worse_above: bool


@cache
def rules() -> dict[str, list[dict[str, Any]]]:
    """The alerting rules by name: one for each severity."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    found.setdefault(rule["alert"], []).append(rule)
    return found


def of_alert(name: str, query: str = "") -> list[Limit]:
    """The limits that an alert fires at, one for each of its rules. If a rule compares several
    numbers, the one counts that has a recorded name of the query, else the first. Raises `KeyError`
    for an alert that there is not."""
    return [_limit(rule, query) for rule in rules()[name]]


def _limit(rule: dict[str, Any], query: str) -> Limit:
    recorded = (rule["expr"].find(name) for name in _RECORDED.findall(query))
    start = min((place for place in recorded if place >= 0), default=0)
    comparison = _COMPARISON.search(rule["expr"], start)
    assert comparison, f"{rule['alert']} compares with no number"
    sign, number = comparison.groups()
    return Limit(rule["labels"]["severity"], float(number), worse_above=sign == ">")


def runbook(name: str) -> str:
    """Where it says what to do about an alert."""
    link: str = rules()[name][0]["annotations"]["runbook_url"]
    return link


def thresholds(limits: list[Limit]) -> list[Threshold]:
    """The colours of numbers, from the lowest on. Limits of one panel have the same worse side."""
    ordered = sorted(limits, key=lambda limit: limit.value)
    colours = [COLOURS[limit.severity] for limit in ordered]
    above = all(limit.worse_above for limit in limits)
    starts = [None, *(limit.value or JUST_ABOVE for limit in ordered)]
    colours = [FINE, *colours] if above else [*colours, FINE]
    return [Threshold(start, colour) for start, colour in zip(starts, colours, strict=True)]
