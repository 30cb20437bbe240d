"""Runbooks: every alert has its page, and what they tell to type exists."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from penstock.cli.commands import app
from tests.deploy.rules import (
    BASE,
    FENCE,
    PAGES,
    RUNBOOKS,
    Alert,
    alerts,
    documented,
    lines,
    names,
    records,
)

if TYPE_CHECKING:
    from pathlib import Path

OF_PENSTOCK = sorted((RUNBOOKS / "penstock").glob("*.md"))


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)


def anchor(heading: str) -> str:
    """What leads to a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: "-".join(alert.key))
def test_the_link_of_an_alert_leads_to_its_page_and_a_heading(alert: Alert) -> None:
    link = alert.annotations["runbook_url"]
    assert link.startswith(BASE)
    file, _, heading = link.removeprefix(BASE).partition("#")
    page = RUNBOOKS / file
    assert heading in {anchor(it) for it in headings(page)}
    assert alert.name in (page.stem, *headings(page))


def test_no_page_or_section_is_about_an_alert_that_is_not_there() -> None:
    known = {alert.name for alert in alerts()}
    assert {page.stem for page in OF_PENSTOCK} == {a.name for a in alerts() if a.file == "penstock"}
    for page in (RUNBOOKS / "systems").glob("*.md"):
        assert set(headings(page)[1:]) <= known, page.name


@pytest.mark.parametrize("page", OF_PENSTOCK, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_where_to_look_why_and_what_to_do(page: Path) -> None:
    assert headings(page) == [page.stem, "Meaning", "First look", "Causes", "Mending"]
    told = re.findall(r"^Severity: (.*)\.$", page.read_text(), re.MULTILINE)
    severities = {alert.labels["severity"] for alert in alerts() if alert.name == page.stem}
    assert told
    assert all(severity in told[0] for severity in severities)


@pytest.mark.parametrize(("page", "query"), lines("promql"))
def test_queries_are_about_metrics_that_there_are(page: str, query: str) -> None:
    found = names(query)
    own = {name for name in found if name.startswith(("otelcol_", "penstock_"))}
    assert own <= documented().keys()
    assert {name for name in found if ":" in name} <= records().keys()
    for name in own:
        assert found[name] <= documented()[name].labels, name


def commands() -> list[list[str]]:
    """How `penstock` is called on the pages, in blocks and between the lines."""
    shown = [line for _, line in lines("sh")]
    for page in PAGES:
        shown += re.findall(r"`(penstock [^`]+)`", FENCE.sub("", page.read_text()))
    return [shlex.split(line) for line in shown if line.startswith("penstock ")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_of_penstock_exist_with_their_options(words: list[str]) -> None:
    """With `--help` behind them they do nothing, and are refused for what they do not know."""
    assert CliRunner().invoke(app, [*words[1:], "--help"]).exit_code == 0


def test_what_does_not_exist_is_refused() -> None:
    for words in ("replays dead.jsonl", "replay dead.jsonl --onto otlp"):
        assert CliRunner().invoke(app, [*words.split(), "--help"]).exit_code == 2
