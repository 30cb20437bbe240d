from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from penstock.cli import app, greeting
from penstock.config.load import load

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = """\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:0
exporters:
  nop:
  nop/spare:
service:
  telemetry:
    metrics:
      address: 127.0.0.1:0
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [nop]
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """A file that can be run beside any other process."""
    file = tmp_path / "gateway.yaml"
    file.write_text(GATEWAY)
    return file


def penstock(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def start(file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "penstock", "run", "--config", str(file)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_validate_says_that_a_file_is_fine_and_warns_on_stderr(gateway: Path) -> None:
    result = penstock("validate", "--config", gateway)

    assert result.exit_code == 0
    assert result.stdout == f"{gateway}: ok, 1 pipeline\n"
    assert result.stderr == (
        f"warning: {gateway}:8:3: exporters.nop/spare: defined, but not used in any pipeline\n"
    )


@pytest.mark.parametrize("command", ["validate", "run"])
def test_bad_file_is_reported_on_stderr_with_exit_code_2(command: str, gateway: Path) -> None:
    gateway.write_text(GATEWAY.replace("[nop]", "[nope]"))

    result = penstock(command, "--config", gateway)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"{gateway}: 1 problem\n  16:19  ")
    assert "`nope` is not defined under exporters or connectors" in result.stderr


@pytest.mark.parametrize("arguments", [["validate"], ["run", "--confg", "x"], ["fly"], []])
def test_wrong_usage_has_exit_code_2(arguments: list[str]) -> None:
    assert penstock(*arguments).exit_code == 2


def test_components_are_listed_with_kind_type_and_purpose_between_tabs() -> None:
    rows = [line.split("\t") for line in penstock("components").stdout.splitlines()]

    assert ["receiver", "otlp"] in [row[:2] for row in rows]
    assert all(len(row) == 3 and row[2] for row in rows)


def test_components_are_listed_without_the_libraries_they_need() -> None:
    heavy = "{'numpy', 'grpc', 'aiohttp', 'uvloop', 'opentelemetry', 'ruamel', 'rich'}"
    code = (
        "import atexit, sys; from penstock.cli import main;"
        f"atexit.register(lambda: print({heavy} & {{*sys.modules}}));"
        "sys.argv = ['penstock', 'components']; main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.splitlines()[-1] == "set()"


def test_version_is_that_of_the_installed_package() -> None:
    assert penstock("--version").stdout == f"penstock {version('penstock')}\n"


def test_embedded_default_tells_where_to_point_an_sdk() -> None:
    default = load([files("penstock") / "default.yaml"])

    text = greeting(default)

    assert default.warnings == ()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 " in text
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 " in text
    assert "http://127.0.0.1:13133/" in text
    assert "http://127.0.0.1:8888/metrics" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_ends_on_a_signal_with_exit_code_0(gateway: Path, number: signal.Signals) -> None:
    with start(gateway) as process:
        assert process.stderr
        log = [process.stderr.readline(), process.stderr.readline()]
        process.send_signal(number)
        code = process.wait(timeout=30)

    assert code == 0, log
    assert "warn  service" in log[0]
    assert "nop/spare" in log[0]
    assert log[1].endswith("info  service Every pipeline runs.\n")


def test_run_that_cannot_start_says_why_with_exit_code_1(gateway: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        gateway.write_text(GATEWAY.replace("endpoint: 127.0.0.1:0", f"endpoint: {address}"))
        with start(gateway) as process:
            _, log = process.communicate(timeout=30)

    assert process.returncode == 1
    assert address in log


def test_components_are_a_table_where_a_person_looks() -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "penstock", "components"]
    with subprocess.Popen(
        command, stdout=theirs, stdin=theirs, env={**os.environ, "COLUMNS": "80"}
    ):
        os.close(theirs)
        shown = _read_all(ours)

    assert "Kind" in shown
    assert "Purpose" in shown
    assert "\t" not in shown


def _read_all(terminal: int) -> str:
    chunks = []
    try:
        while chunk := os.read(terminal, 4096):
            chunks.append(chunk)
    except OSError:  # how Linux tells that the other side has closed
        os.close(terminal)
    return b"".join(chunks).decode()
