"""The rules for Prometheus and what is said about them: files as data."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RUNBOOKS = DEPLOY / "runbooks"

RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yml"))

BASE = "https://runbooks.example.com/"
"""Where the links of alerts say that the runbooks are; whoever has them elsewhere changes it."""

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = sorted(RUNBOOKS.rglob("*.md"))

OF_PROMETHEUS = {"up", "scrape_duration_seconds"}
"""What Prometheus itself tells of every target."""


class Alert(NamedTuple):
    """One alerting rule."""

    file: str
    name: str
    expression: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """What it is told apart by: two severities of one alert are two rules."""
        return self.name, self.labels["severity"]


class Metric(NamedTuple):
    """One row of docs/telemetry.md."""

    kind: str
    labels: frozenset[str]


def load(path: Path) -> Any:
    """What a YAML file holds."""
    return yaml.safe_load(path.read_text())


def _rules() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in RULE_FILES:
        for group in load(path)["groups"]:
            for rule in group["rules"]:
                yield path.stem, rule


@cache
def alerts() -> list[Alert]:
    """Every alert of every file."""
    return [
        Alert(file, rule["alert"], rule["expr"], rule["labels"], rule["annotations"])
        for file, rule in _rules()
        if "alert" in rule
    ]


@cache
def records() -> dict[str, str]:
    """The expression of each recorded name."""
    return {rule["record"]: rule["expr"] for _, rule in _rules() if "record" in rule}


@cache
def documented() -> dict[str, Metric]:
    """Penstock's own metrics, by docs/telemetry.md."""
    found = {}
    for line in (ROOT / "docs" / "telemetry.md").read_text().splitlines():
        if re.match(r"\| `(otelcol|penstock)_", line):
            name, kind, _unit, labels, *_ = line.strip("| ").split(" | ")
            found[name.strip("`")] = Metric(kind, frozenset(re.findall(r"\w+", labels)))
    return found


def names(expression: str) -> dict[str, set[str]]:
    """The metrics and recorded names of an expression, and the labels that each is chosen by."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    found: dict[str, set[str]] = {}
    for name, called, choice in re.findall(r"([a-zA-Z_][\w:]*)(\s*\()?(?:\{([^}]*)\})?", bare):
        if not called and name not in {"and", "or", "unless", "offset", "bool"}:
            labels = re.findall(r"(\w+)\s*[!=]", choice)
            found.setdefault(name, set()).update(labels)
    return {name: labels for name, labels in found.items() if not re.fullmatch("[smhdw]", name)}


def lines(language: str) -> list[tuple[str, str]]:
    """Each line of the blocks in a language, and the page of the runbooks that it is on."""
    return [
        (page.stem, line)
        for page in PAGES
        for found, text in FENCE.findall(page.read_text())
        if found == language
        for line in text.splitlines()
    ]
