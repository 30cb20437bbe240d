"""The command `replay`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from penstock.cli.commands import app
from tests.kit import spans

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("logging_as_before")

GATEWAY = """
receivers: {otlp: {protocols: {grpc: {}}}}
exporters: {file: {path: OUT}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [file]}}}
"""


def penstock(tmp_path: Path, *arguments: str) -> Result:
    config = tmp_path / "gateway.yaml"
    config.write_text(GATEWAY.replace("OUT", str(tmp_path / "out.json")))
    return CliRunner().invoke(app, ["replay", *arguments, "-c", str(config)])


def test_files_are_sent_and_deleted_if_that_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_bytes(spans(2).to_json() + b"\n" + spans(1).to_json() + b"\n")
    result = penstock(tmp_path, str(file), "--to", "file")
    assert (result.exit_code, result.stdout) == (0, "3 items of 1 file sent to file\n")
    assert (tmp_path / "out.json").read_bytes() == file.read_bytes()
    assert penstock(tmp_path, str(file), "--to", "file", "--delete").exit_code == 0
    assert not file.exists()


def test_what_is_not_sent_is_told_and_left(tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_bytes(spans(1).to_json() + b"\n" + b"nonsense\n" * 20 + b"half a line")
    result = penstock(tmp_path, str(file), "--to", "file", "--delete")
    assert result.exit_code == 1
    assert f"{file}:2: expected a line of OTLP/JSON" in result.stderr
    assert "and 10 more" in result.stderr
    assert f"what is left to send: {file}.left" in result.stderr
    assert f"{file} has grown meanwhile, and is kept" in result.stderr


def test_an_exporter_that_is_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.touch()
    result = penstock(tmp_path, str(file), "--to", "flie")
    assert result.exit_code == 2
    assert "no exporter `flie`" in result.stderr
