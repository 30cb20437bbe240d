"""Measure Penstock and the Go Collector on the same payloads, in turns."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from bench import report
from bench.load import Load
from bench.measure import Run, keep_busy
from bench.plan import (
    ROOT,
    BenchError,
    Scenario,
    Server,
    fill,
    read_scenarios,
    read_servers,
    select,
)

ROUNDS = 3


def main() -> None:
    """Do what the command line asks; end with one line and code 1 where it cannot be done."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so servers stop
    try:
        _do(_arguments())
    except BenchError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _do(arguments: argparse.Namespace) -> None:
    known = read_scenarios()
    if arguments.list:
        _say("\n".join(scenario.name for scenario in known))
        return
    asked = [arguments.profile] if arguments.profile else arguments.scenario
    scenarios, (servers, baseline) = select(known, asked), _servers(arguments)
    bench = Bench(arguments.scale)
    if arguments.profile:
        bench.profile(servers[0], scenarios[0])
    measured = bench.measure(servers, scenarios, baseline, arguments.rounds)
    measured.save()
    _say(report.as_markdown(measured) if arguments.markdown else report.as_text(measured))


class Bench:
    """The tools that every run shares."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._peers = Path(ROOT, os.environ.get("PENSTOCK_PEERS", "../shared/peers")).resolve()
        self._load = Load()
        self._load.build()

    def measure(
        self, servers: list[Server], scenarios: list[Scenario], baseline: str, rounds: int | None
    ) -> report.Report:
        """Run every scenario on every server, in turns, as often as it asks."""
        machine = report.describe_machine()
        versions = {server.name: self._version(server) for server in servers}
        results = [self._rounds(servers, s, rounds or s.rounds or ROUNDS) for s in scenarios]
        date = datetime.now(UTC).strftime("%Y-%m-%d")
        return report.Report(date, machine, versions, baseline, self._scale, results)

    def profile(self, server: Server, scenario: Scenario) -> NoReturn:
        """Keep one server busy until interrupted, and say where to attach."""
        keep_busy(self._run(server, scenario), _tell)

    def _rounds(self, servers: list[Server], scenario: Scenario, rounds: int) -> report.Result:
        result = report.Result(scenario, {server.name: [] for server in servers})
        for number in range(1, rounds + 1):
            for server in servers:
                sample = self._run(server, scenario).measure()
                result.samples[server.name].append(sample)
                figures = " ".join(f"{key}={value:.4g}" for key, value in sample.items())
                _tell(f"{scenario.name} {number}/{rounds} {server.name}: {figures}")
        return result

    def _run(self, server: Server, scenario: Scenario) -> Run:
        return Run(server, scenario, self._load, self._peers, sys.executable, self._scale)

    def _version(self, server: Server) -> str:
        if not server.about:
            return f"{server.name} = {server.command}"
        argv = fill(server.about, peers=self._peers, python=sys.executable)
        if "{peers}" in server.about and not Path(argv[0]).exists():
            msg = f"there is no {argv[0]}; set PENSTOCK_PEERS to the folder of the peers' scripts"
            raise BenchError(msg)
        _tell(f"{server.name}: {shlex.join(argv)}")
        done = subprocess.run(
            argv, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        lines = done.stdout.strip().splitlines() or [""]
        if done.returncode:
            msg = f"{server.name} is not there: {lines[-1]}"
            raise BenchError(msg)
        return lines[-1].split(":")[0]


def _servers(arguments: argparse.Namespace) -> tuple[list[Server], str]:
    servers, baseline = read_servers()
    for each in arguments.server:
        name, equals, command = each.partition("=")
        if not equals:
            msg = f"--server {each}: expected NAME=COMMAND"
            raise BenchError(msg)
        servers[name] = Server(name, command)
    unknown = set(arguments.only) - servers.keys()
    if unknown:
        msg = f"no server is named {', '.join(sorted(unknown))}; there are {', '.join(servers)}"
        raise BenchError(msg)
    return [s for s in servers.values() if not arguments.only or s.name in arguments.only], baseline


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.run",
        description=__doc__,
        epilog="bench/README.md says what it means.",
    )
    add = parser.add_argument
    add("scenario", nargs="*", help="names or patterns such as 'grpc-1*'; all but soak without any")
    add("--rounds", type=int, metavar="N", help=f"runs of each server ({ROUNDS}; soak: 1)")
    add(
        "--scale", type=float, default=1, metavar="F", help="multiply the requests, for a quick try"
    )
    add(
        "--server",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="replace or add a server; {config}, {python} and {peers} in COMMAND are filled in",
    )
    add(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="measure this server; repeatable",
    )
    add(
        "--profile", metavar="SCENARIO", help="keep the first server busy with it until interrupted"
    )
    add("--markdown", action="store_true", help="print the tables as the README has them")
    add("--list", action="store_true", help="print the scenarios' names")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
