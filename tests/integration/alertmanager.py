"""Alertmanager with what deploy/alertmanager/ holds, and channels of this machine."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import yaml

from tests.deploy.rules import DEPLOY, load
from tests.integration.program import Program, fetch, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.channels import Channels
    from tests.integration.peers import Peers

ALERTMANAGER = DEPLOY / "alertmanager"
SETTINGS = ALERTMANAGER / "alertmanager.yml"

WAITS = {"group_wait", "group_interval"}

ALWAYS, NEVER = {"months": ["1:12"]}, {"years": ["2000"]}


class Alertmanager(Program):
    """A running Alertmanager to which it is night and no weekend, and every wait is a second."""

    def __init__(self, peers: Peers, folder: Path, channels: Channels) -> None:
        (self.port,) = free_ports(1)
        shutil.copytree(ALERTMANAGER, folder, dirs_exist_ok=True)
        file = folder / "alertmanager.yml"
        text = yaml.safe_dump(_here(load(file), channels))
        file.write_text(text.replace("/etc/alertmanager", str(folder)))
        _write_secrets(folder / "secrets", channels)
        env = {"ALERTMANAGER_PORT": str(self.port), "ALERTMANAGER_CONFIG": str(file)}
        command = peers.command("alertmanager", "run", folder / "data")
        super().__init__("alertmanager", command, folder, env)

    def ready(self) -> bool:
        """Whether it takes alerts."""
        return fetch(f"http://127.0.0.1:{self.port}/-/ready") is not None

    def post(self, *alerts: dict[str, Any]) -> None:
        """Tell it of alerts, as Prometheus does."""
        url = f"http://127.0.0.1:{self.port}/api/v2/alerts"
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(url, json.dumps(alerts).encode(), headers)) as answer:
            assert answer.status == 200


def _here(settings: dict[str, Any], channels: Channels) -> dict[str, Any]:
    for route in _routes(settings["route"]):
        route.update(dict.fromkeys(WAITS & route.keys(), "1s"))
    settings["global"] |= {
        "smtp_smarthost": channels.mail_address,
        "smtp_require_tls": False,
        "pagerduty_url": channels.url("pagerduty"),
    }
    for interval in settings["time_intervals"]:
        interval["time_intervals"] = [ALWAYS if interval["name"] == "nights" else NEVER]
    return settings


def _routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for below in route.get("routes", []):
        yield from _routes(below)


def _write_secrets(folder: Path, channels: Channels) -> None:
    folder.mkdir()
    for name in ("slack", "discord", "webhook"):
        (folder / f"{name}-url").write_text(channels.url(name))
    for name in ("smtp-password", "pagerduty-key", "pagerduty-escalation-key"):
        (folder / name).write_text(f"the {name}")
