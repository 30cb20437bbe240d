"""The stack: its files as data."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.deploy.rules import DEPLOY, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STACK = DEPLOY / "stack"
VALIDATE = DEPLOY / "validate.sh"
COMPOSE = DEPLOY / "compose" / "compose.yaml"

DEFAULT = re.compile(r"\$\{(?:env:)?([A-Z_]+):-([^}]*)\}")
"""A variable and what it is if nobody says so: of a shell, of compose, of Penstock's settings."""


@cache
def ports() -> dict[str, int]:
    """The ports that it has unless somebody says otherwise, by their variables."""
    table = re.findall(r'"([A-Z_]+_PORT)": (\d+),', (STACK / "stack.py").read_text())
    return {name: int(port) for name, port in table}


Services = dict[str, dict[str, Any]]


@cache
def services() -> Services:
    """The services of the containers, with every variable at its default."""
    return services_with({})


def services_with(variables: Mapping[str, str]) -> Services:
    """The same with these variables."""
    services: Services = _replaced(load(COMPOSE)["services"], variables)
    return services


def _replaced(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case str():
            return DEFAULT.sub(lambda found: variables.get(found[1], found[2]), value)
        case list():
            return [_replaced(each, variables) for each in value]
        case dict():
            return {key: _replaced(each, variables) for key, each in value.items()}
    return value


def mounts(service: Mapping[str, Any]) -> dict[str, Path]:
    """What of this checkout a container sees, by where it does."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {part[1]: COMPOSE.parent / part[0] for part in parts if part[0].startswith(".")}


def write_settings(folder: Path, environment: Mapping[str, str]) -> None:
    """Have the settings of Prometheus and Alertmanager there, as a container has them made."""
    command = [sys.executable, str(STACK / "settings.py"), str(folder)]
    subprocess.run(command, env=dict(environment), check=True)
