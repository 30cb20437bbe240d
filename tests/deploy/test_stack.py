"""The stack: what its parts say of each other."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.deploy.rules import DEPLOY, PROMETHEUS, load
from tests.deploy.stack import DEFAULT, STACK, VALIDATE, ports, write_settings
from tests.integration.alertmanager import SETTINGS as ALERTMANAGER
from tests.integration.program import eventually, fetch, free_ports

if TYPE_CHECKING:
    from types import ModuleType

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


def start(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start the stack where it cannot go far."""
    free = dict(zip(ports(), map(str, free_ports(len(ports()))), strict=True))
    environment = {**os.environ, **free, "STACK_FOLDER": str(folder), **variables}
    command = [sys.executable, str(STACK / "stack.py")]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        done = start(tmp_path, KAFKA_PORT=taken)
    assert (done.returncode, done.stderr) == (1, f"Somebody else listens on KAFKA_PORT={taken}.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(STACK)
    return import_module("programs")


SLEEPER = "sleep 60 & echo $! && wait"


def sleeper(log: Path) -> int:
    """The process that the shell has started, 0 before it has."""
    return int(log.read_text() or 0)


def is_there(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_at_the_end_programs_end_with_all_that_they_started(
    programs: ModuleType, tmp_path: Path
) -> None:
    log = tmp_path / "shell.log"
    with programs.Programs(tmp_path) as running:
        running.start([programs.Program("shell", ["sh", "-c", SLEEPER])])
        pid = eventually(lambda: sleeper(log))
        assert is_there(pid)
    eventually(lambda: not is_there(pid))


def test_a_program_that_ends_by_itself_is_told_with_its_last_words(
    programs: ModuleType, tmp_path: Path
) -> None:
    dying = programs.Program("dying", ["sh", "-c", "echo no such file; exit 3"])
    with programs.Programs(tmp_path) as running:
        running.start([dying])
        with pytest.raises(programs.Ended, match=r"dying has ended with 3\..*\n  no such file"):
            running.watch()


def test_the_web_hook_tells_who_was_told_and_refuses_what_is_no_alert() -> None:
    (port,) = free_ports(1)
    url, alert = f"http://127.0.0.1:{port}", {"status": "firing", "labels": {"alertname": "Down"}}
    env = {**os.environ, "WEBHOOK_ADDRESS": f"127.0.0.1:{port}"}
    with subprocess.Popen([sys.executable, str(STACK / "webhook.py")], env=env) as hook:
        eventually(lambda: fetch(url))
        urlopen(f"{url}/on-call", json.dumps({"alerts": [alert]}).encode()).close()
        for faulty in (b"none", b"[]", b"{}"):
            with pytest.raises(HTTPError, match="400"):
                urlopen(url, faulty)
        assert json.loads(fetch(url) or b"") == [{"receiver": "on-call", **alert}]
        hook.terminate()
    assert hook.returncode == 0
