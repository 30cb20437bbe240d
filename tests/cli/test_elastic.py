"""The command `elasticsearch setup`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner, Result

from penstock.cli.commands import app

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = """
receivers: {otlp: {protocols: {grpc: {}}}}
exporters: {EXPORTERS}
service: {pipelines: {logs: {receivers: [otlp], exporters: [NAMES]}}}
"""


def penstock(tmp_path: Path, exporters: dict[str, str], *arguments: str) -> Result:
    config = tmp_path / "gateway.yaml"
    parts = ", ".join(f"{name}: {settings}" for name, settings in exporters.items())
    text = GATEWAY.replace("EXPORTERS", parts).replace("NAMES", ", ".join(exporters))
    config.write_text(text)
    return CliRunner().invoke(app, ["elasticsearch", "setup", *arguments, "-c", str(config)])


def test_an_exporter_of_that_type_is_needed(tmp_path: Path) -> None:
    result = penstock(tmp_path, {"nop": "{}"})
    assert result.exit_code == 2
    assert "no exporter of the type elasticsearch" in result.stderr


def test_one_of_several_has_to_be_chosen(tmp_path: Path) -> None:
    one = '{endpoint: "http://127.0.0.1:1"}'
    result = penstock(tmp_path, {"elasticsearch/a": one, "elasticsearch/b": one})
    assert result.exit_code == 2
    assert "elasticsearch/a, elasticsearch/b" in result.stderr


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = penstock(tmp_path, {"elasticsearch": '{endpoint: "http://127.0.0.1:1"}'})
    assert result.exit_code == 1
    assert "http://127.0.0.1:1/" in result.stderr
