"""The program: its exit codes, and what it does without settings."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest

from tests.integration.peers import ROOT, Peers
from tests.integration.program import Program, complete, fetch
from tests.integration.service import Ports, command, settings

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = Ports(grpc=4317, http=4318, health=13133, metrics=8888)


def test_port_in_use_ends_it_with_code_1_and_names_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "gateway.yaml"
        file.write_text(json.dumps(settings(Ports(port, 0, 0, 0), {"nop": {}})))
        with Program("penstock", command("run", "--config", str(file)), tmp_path) as penstock:
            assert penstock.wait() == 1

    assert f"cannot listen on 127.0.0.1:{port}: " in penstock.output()


@pytest.mark.parametrize("verb", ["run", "validate"])
def test_bad_settings_end_it_with_code_2_and_their_place(verb: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("receivers:\n  otlp:\n    protocol: {}\n")

    with Program("penstock", command(verb, "--config", str(file)), tmp_path) as penstock:
        assert penstock.wait() == 2

    problem = r"(?m)^  3:\d+ +receivers\.otlp\.protocol: .*`protocols`"
    assert re.search(problem, penstock.output())


def test_default_settings_take_what_an_sdk_sends_without_any(tmp_path: Path, peers: Peers) -> None:
    _skip_if_taken()
    with Program("penstock", command("run"), tmp_path) as penstock:
        health = penstock.wait_until(lambda: fetch(f"http://127.0.0.1:{DEFAULT.health}/"))
        assert json.loads(health or b"")["status"] == "Server available"
        penstock.wait_until(lambda: "OTEL_EXPORTER_OTLP_ENDPOINT=http://" in penstock.output())

        complete(peers.command("clients", "run", ROOT / "examples" / "python_sdk.py"))

        for signal in ("Traces", "Metrics", "Logs"):
            penstock.wait_until(lambda: f" {signal} {{" in penstock.output())  # noqa: B023
        page = fetch(f"http://127.0.0.1:{DEFAULT.metrics}/metrics")
        assert re.search(rb"otelcol_receiver_accepted_spans{.*} [1-9]", page or b"")
        penstock.terminate()
        assert penstock.wait() == 0


def _skip_if_taken() -> None:
    """The default ports may be in use where people work."""
    for port in DEFAULT:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                pytest.skip(f"port {port} is in use")
