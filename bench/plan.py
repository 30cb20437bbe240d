"""What is measured: servers and scenarios, read from the TOML files beside this one."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

BENCH = Path(__file__).parent
ROOT = BENCH.parent
RESULTS = BENCH / "results"


class BenchError(Exception):
    """The benchmark cannot go on; the text is one line for whoever started it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A program under test. `command` and `about` are described in `servers.toml`."""

    name: str
    command: str
    about: str = ""

    def argv(self, **values: str | Path) -> list[str]:
        """Give `command` as an argument list; `values` fill its placeholders."""
        return fill(self.command, **values)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One piece of work and what is asked of it; the keys are those of `scenarios.toml`."""

    name: str
    kind: str = "load"
    config: str = "forward"
    own: dict[str, str] = field(default_factory=dict)
    signal: str = "traces"
    items: int = 0
    requests: int = 0
    connections: int = 8
    rate: float = 0
    gzip: bool = False
    http: bool = False
    tls: bool = False
    series: int = 0
    settle_s: float = 0
    rounds: int | None = None
    on_request: bool = False
    ratio: dict[str, float] = field(default_factory=dict)
    limit: dict[str, float] = field(default_factory=dict)

    @property
    def config_file(self) -> Path:
        """The settings that every server is started with."""
        return _config(self.config)

    def own_settings(self, server: str) -> list[str]:
        """Arguments for the settings that one server has besides, which it merges with the others:
        for what the others cannot do."""
        return ["--config", str(_config(self.own[server]))] if server in self.own else []


def _config(name: str) -> Path:
    return BENCH / "configs" / f"{name}.yaml"


def fill(command: str, **values: str | Path) -> list[str]:
    """Split `command` as a shell would, then fill each word's placeholders."""
    return [word.format(**values) for word in shlex.split(command)]


def read_servers() -> tuple[dict[str, Server], str]:
    """Give the servers by name, and the name of the one that the others are compared with."""
    document = tomllib.loads((BENCH / "servers.toml").read_text())
    servers = {name: Server(name, **keys) for name, keys in document["servers"].items()}
    return servers, document["baseline"]


def read_scenarios() -> list[Scenario]:
    """Give every scenario in the file's order."""
    document = tomllib.loads((BENCH / "scenarios.toml").read_text())
    return [Scenario(name, **keys) for name, keys in document.items()]


def select(scenarios: list[Scenario], patterns: list[str]) -> list[Scenario]:
    """Keep what any of the shell-like `patterns` names; with none, all that need no asking for.

    Raises `BenchError` for a pattern that names nothing.
    """
    if not patterns:
        return [scenario for scenario in scenarios if not scenario.on_request]
    for pattern in patterns:
        if not any(fnmatchcase(scenario.name, pattern) for scenario in scenarios):
            known = ", ".join(scenario.name for scenario in scenarios)
            msg = f"no scenario is named {pattern}; there are {known}"
            raise BenchError(msg)
    return [s for s in scenarios if any(fnmatchcase(s.name, pattern) for pattern in patterns)]
