"""The stack: what its parts say of each other."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.deploy.rules import DEPLOY, PROMETHEUS, load
from tests.deploy.stack import DEFAULT, STACK, VALIDATE, ports, write_settings
from tests.integration.alertmanager import SETTINGS as ALERTMANAGER

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = [VALIDATE, *sorted(STACK.glob("*.sh"))]
(_DEMOS,) = re.findall(r"^DEMOS = (.*)$", (STACK / "stack.py").read_text(), re.MULTILINE)
DEMOS = re.findall(r"\w+", _DEMOS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("settings")
    env = {"WEBHOOK": "http://hook", "PENSTOCK_METRICS": "penstock:8888", "PACE": "2s"}
    write_settings(folder, env)
    return folder


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_one(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize(
    "file", [*SCRIPTS, STACK / "penstock.yaml"], ids=lambda file: str(file.relative_to(DEPLOY))
)
def test_a_port_is_the_same_everywhere(file: Path) -> None:
    found = dict(DEFAULT.findall(file.read_text()))
    for name in found.keys() & ports():
        assert int(found[name]) == ports()[name]


def test_nobody_has_the_port_of_another() -> None:
    assert len(set(ports().values())) == len(ports()) > 10


def test_prometheus_scrapes_the_stack_and_nobody_else_at_its_pace(written: Path) -> None:
    targets = {file.stem: load(file) for file in written.glob("prometheus/targets/**/*.yml")}
    assert targets == {
        "penstock": [{"targets": ["penstock:8888"]}],
        "penstock-exporter": [{"targets": ["127.0.0.1:8889"]}],
        "alertmanager": [{"targets": ["127.0.0.1:9093"]}],
    }
    settings = load(written / "prometheus" / "prometheus.yml")
    assert settings.pop("global")["scrape_interval"] == "2s"
    original = load(PROMETHEUS / "prometheus.yml")
    del original["global"]
    assert settings == original


def test_prometheus_has_all_rules_as_they_are(written: Path) -> None:
    here = {file.name: file.read_text() for file in (written / "prometheus/rules").iterdir()}
    assert here == {file.name: file.read_text() for file in (PROMETHEUS / "rules").iterdir()}


def test_alerts_take_the_routes_of_real_life_and_end_at_the_web_hook(written: Path) -> None:
    settings, original = load(written / "alertmanager/alertmanager.yml"), load(ALERTMANAGER)
    assert settings["route"].pop("group_wait") == "2s"
    del original["route"]["group_wait"]
    for part in ("route", "inhibit_rules", "time_intervals"):
        assert settings[part] == original[part]
    hooks = {it["name"]: it["webhook_configs"][0]["url"] for it in settings["receivers"]}
    assert hooks == {it["name"]: f"http://hook/{it['name']}" for it in original["receivers"]}
    assert "example.com" not in json.dumps(settings)
