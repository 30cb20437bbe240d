"""The command `test`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from typer.testing import CliRunner, Result

from penstock.cli.commands import app
from tests.testing.suites import one

if TYPE_CHECKING:
    from pathlib import Path

PASSES = "input: [{name: order}]\nexpect: {count: 1}"
FAILS = "input: [{name: order}]\nexpect: {items: [{name: cart}], count: 7}"


def penstock(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["test", *map(str, arguments)])


def test_tests_that_pass_are_listed(tmp_path: Path) -> None:
    file = one(tmp_path, "traces", PASSES)
    result = penstock(file)
    assert result.exit_code == 0
    assert result.stdout == f"{file}\n  ok    it holds\n1 test, 0 failed\n"


def test_differences_stand_side_by_side_with_exit_code_1(tmp_path: Path) -> None:
    result = penstock(one(tmp_path, "traces", FAILS))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        "  FAIL  it holds",
        '        items[0].name  expected "cart"  got "order"',
        "        count          expected 7       got 1",
        "1 test, 1 failed",
    ]


def test_no_more_differences_are_shown_than_somebody_reads(tmp_path: Path) -> None:
    items = ", ".join("{name: cart}" for _ in range(30))
    spans = items.replace("cart", "order" * 50)
    result = penstock(one(tmp_path, "traces", f"input: [{spans}]\nexpect: {{items: [{items}]}}"))
    assert "and 20 more" in result.stdout
    assert max(map(len, result.stdout.splitlines())) < 150


def test_a_file_that_is_wrong_is_reported_with_exit_code_2(tmp_path: Path) -> None:
    result = penstock(one(tmp_path, "nope", PASSES))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "there is no pipeline `nope`" in result.stderr


def test_programs_read_json(tmp_path: Path) -> None:
    file = one(tmp_path, "traces", FAILS)
    result = penstock("--format", "json", file)
    (found,) = json.loads(result.stdout)
    assert found.pop("seconds") >= 0
    assert found == {
        "file": str(file),
        "name": "it holds",
        "passed": False,
        "differences": [
            {"path": "items[0].name", "expected": '"cart"', "got": '"order"'},
            {"path": "count", "expected": "7", "got": "1"},
        ],
    }


def test_continuous_integration_reads_junit(tmp_path: Path) -> None:
    result = penstock("--format", "junit", one(tmp_path, "traces", FAILS))
    assert result.exit_code == 1
    assert ET.fromstring(result.stdout)[0].attrib["failures"] == "1"
