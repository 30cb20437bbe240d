from __future__ import annotations

import json
import re
import resource
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from penstock.cli.commands import app
from penstock.cli.running import greeting
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
      readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [nop]
"""

COMMANDS = ["run", "validate", "print-config", "schema", "components", "test"]


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


def test_validate_lists_warnings_as_objects_for_a_program(gateway: Path) -> None:
    result = penstock("validate", "--config", gateway, "--format", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "valid": True,
        "problems": [],
        "warnings": [
            {
                "file": str(gateway),
                "line": 8,
                "column": 3,
                "path": "exporters.nop/spare",
                "message": "defined, but not used in any pipeline",
                "suggestion": None,
            }
        ],
    }


def test_validate_lists_problems_as_objects_for_a_program(gateway: Path) -> None:
    gateway.write_text(GATEWAY.replace("endpoint", "endpiont"))

    result = penstock("validate", "--config", gateway, "--format", "json")

    assert result.exit_code == 2
    assert result.stderr == ""
    verdict = json.loads(result.stdout)
    assert not verdict["valid"]
    assert [problem["suggestion"] for problem in verdict["problems"]] == ["endpoint"]


def test_later_sources_and_single_options_win(gateway: Path, tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text("service:\n  pipelines:\n    traces:\n      exporters: [nop/spare]\n")
    setting = "exporters::nop=null"

    result = penstock("validate", "-c", gateway, "-c", over, "--set", setting)

    assert result.exit_code == 0
    assert result.stdout == f"{gateway}, {over}: ok, 1 pipeline\n"
    assert "exporters.nop: defined, but not used" in result.stderr


def test_print_config_shows_what_sources_come_to_with_origins_and_without_secrets(
    gateway: Path,
) -> None:
    extra = "yaml:{exporters: {otlphttp: {endpoint: 'http://a', headers: {x-key: hush}}}}"
    timeout = "exporters.otlphttp.timeout=2s"

    result = penstock("print-config", "-c", gateway, "-c", extra, "--set", timeout)

    assert result.exit_code == 0
    assert f"  # {gateway}:5:19\n" in result.stdout
    assert re.search(r"\n    timeout: 2s +# --set exporters.otlphttp.timeout:1:28\n", result.stdout)
    assert "hush" not in result.stdout


def test_print_config_without_sources_shows_the_embedded_default() -> None:
    plain = penstock("print-config").stdout
    whole = penstock("print-config", "--defaults").stdout

    assert "endpoint: 127.0.0.1:4317 " in plain
    assert "  # default\n" not in plain
    assert "  # default\n" in whole


@pytest.mark.parametrize("output", ["text", "json"])
def test_print_config_reports_what_validate_does(gateway: Path, output: str) -> None:
    gateway.write_text("exporter: {}")

    printed = penstock("print-config", "-c", gateway, "--format", output)

    assert printed.exit_code == 2
    assert printed.output == penstock("validate", "-c", gateway, "--format", output).output


@pytest.mark.parametrize(
    "arguments",
    [["validate"], ["run", "--confg", "x"], ["fly"], [], ["components", "otlq"]],
)
def test_wrong_usage_has_exit_code_2(arguments: list[str]) -> None:
    assert penstock(*arguments).exit_code == 2


def test_a_type_that_is_not_installed_is_answered_with_the_nearest() -> None:
    assert "did you mean `otlphttp`?" in penstock("components", "otlphtp").stderr


def test_schema_is_json() -> None:
    assert json.loads(penstock("schema").stdout)["title"] == "Penstock"
    assert json.loads(penstock("schema", "--tests").stdout)["title"] == "Penstock's tests"


def test_version_is_that_of_the_installed_package() -> None:
    assert penstock("--version").stdout == f"penstock {version('penstock')}\n"


def test_help_names_every_command_and_what_each_exit_code_means() -> None:
    shown = penstock("--help").stdout

    assert [command for command in COMMANDS if f"\n  {command} " not in shown] == []
    assert "0  fine\n" in shown
    assert "1  failed at the start or while running\n" in shown
    assert "2  wrong settings or usage\n" in shown


def test_help_describes_every_command_on_one_whole_line() -> None:
    assert "..." not in penstock("--help").stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_an_answer_without_a_command_takes_little_cpu(argument: str) -> None:
    """0.15 s on a quiet machine; the limit here leaves room for a busy one."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = [sys.executable, "-m", "penstock", argument]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 0.45


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["validate", "--help"]])
def test_what_is_heavy_is_imported_only_by_commands_that_need_it(arguments: list[str]) -> None:
    heavy = "{'asyncio', 'numpy', 'grpc', 'aiohttp', 'yaml', 'rich', 'logging'}"
    code = (
        "import atexit, sys; from penstock.cli import main;"
        f"atexit.register(lambda: print({heavy} & {{*sys.modules}}));"
        f"sys.argv = ['penstock', *{arguments}]; main()"
    )

    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("penstock ", COMMANDS),
        ("penstock val", ["validate"]),
        ("penstock validate --f", ["--format"]),
        ("penstock components otlp", ["otlp", "otlphttp"]),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_options_and_types(
    shell: str, typed: str, offered: list[str]
) -> None:
    environ = {
        "_PENSTOCK_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }

    shown = CliRunner().invoke(app, env=environ).stdout

    words = shown.replace('"', " ").replace(":", " ").split()
    assert [word for word in offered if word not in words] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_as_a_script_to_install(shell: str) -> None:
    script = CliRunner().invoke(app, env={"_PENSTOCK_COMPLETE": f"source_{shell}"}).stdout

    assert f"_PENSTOCK_COMPLETE=complete_{shell}" in script


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


def test_run_takes_what_the_file_says_at_a_hangup(gateway: Path) -> None:
    with start(gateway) as process:
        assert process.stderr
        log = [process.stderr.readline(), process.stderr.readline()]
        gateway.write_text(GATEWAY.replace("[nop]", "[nope]"))
        process.send_signal(signal.SIGHUP)
        log += [process.stderr.readline() for _ in range(4)]
        gateway.write_text(GATEWAY.replace("[nop]", "[nop, nop/spare]"))
        process.send_signal(signal.SIGHUP)
        log += [process.stderr.readline() for _ in range(2)]
        process.terminate()
        code = process.wait(timeout=30)

    assert code == 0, log
    says = [line.split(" ", 1)[1].rstrip() for line in log]
    assert says[2:] == [
        "info  service Reading the settings again.",
        f"error service {gateway}: 1 problem",
        says[4],
        "error service The settings stay as they were.",
        "info  service Reading the settings again.",
        "info  service Every pipeline runs.",
    ]
    assert "`nope` is not defined under exporters or connectors" in says[4]


def test_run_that_cannot_start_says_why_with_exit_code_1(gateway: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        gateway.write_text(GATEWAY.replace("endpoint: 127.0.0.1:0", f"endpoint: {address}"))
        with start(gateway) as process:
            _, log = process.communicate(timeout=30)

    assert process.returncode == 1
    assert address in log


def test_run_whose_log_cannot_be_written_says_why_with_exit_code_1(gateway: Path) -> None:
    result = penstock(
        "run", "-c", gateway, "--set", "service.telemetry.logs.output_paths=[/none/own.log]"
    )

    assert result.exit_code == 1
    assert "output_paths: [Errno 2] No such file or directory: '/none/own.log'" in result.stderr
