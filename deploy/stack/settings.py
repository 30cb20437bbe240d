"""Write what Prometheus and Alertmanager of the stack are started with: `settings.py FOLDER`.

It is what deploy/prometheus and deploy/alertmanager hold, but for three things: targets are those
of the stack; alerts for people end at its web hook, one path for each receiver; and Prometheus
scrapes and looks every PACE, which is also how long Alertmanager waits before it first tells of
something. Places are given by the environment.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1]

DEFAULTS = {
    "PENSTOCK_METRICS": "127.0.0.1:8888",
    "PENSTOCK_EXPORTER": "127.0.0.1:8889",
    "ALERTMANAGER": "127.0.0.1:9093",
    "WEBHOOK": "http://127.0.0.1:9095",
    "PACE": "5s",
}
TARGETS = {
    "penstock": "PENSTOCK_METRICS",
    "penstock-exporter": "PENSTOCK_EXPORTER",
    "alertmanager": "ALERTMANAGER",
}
"""Files of targets, and the variables that say where these are."""


def write(folder: Path) -> None:
    """Write both, each to a folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    _write_prometheus(folder / "prometheus")
    _write_alertmanager(folder / "alertmanager")


def _write_prometheus(folder: Path) -> None:
    source = DEPLOY / "prometheus"
    shutil.copytree(source / "rules", folder / "rules")
    settings = _read(source / "prometheus.yml")
    settings["global"] |= dict.fromkeys(
        ("scrape_interval", "scrape_timeout", "evaluation_interval"), _given("PACE")
    )
    _write(folder / "prometheus.yml", settings)
    for empty in ("services", "secured"):
        (folder / "targets" / empty).mkdir(parents=True)
    for name, variable in TARGETS.items():
        _write(folder / "targets" / f"{name}.yml", [{"targets": [_given(variable)]}])


def _write_alertmanager(folder: Path) -> None:
    source = DEPLOY / "alertmanager"
    shutil.copytree(source / "templates", folder / "templates")
    settings = _read(source / "alertmanager.yml")
    del settings["global"]  # the addresses of channels that the stack has not
    settings["route"]["group_wait"] = _given("PACE")
    settings["receivers"] = [_hook(receiver["name"]) for receiver in settings["receivers"]]
    _write(folder / "alertmanager.yml", settings)


def _hook(receiver: str) -> dict[str, Any]:
    return {
        "name": receiver,
        "webhook_configs": [{"url": f"{_given('WEBHOOK')}/{receiver}", "send_resolved": True}],
    }


def _given(variable: str) -> str:
    return os.environ.get(variable, DEFAULTS[variable])


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def _write(file: Path, settings: Any) -> None:
    file.write_text(json.dumps(settings, indent=2) + "\n")  # JSON is YAML too


if __name__ == "__main__":
    write(Path(sys.argv[1]))
