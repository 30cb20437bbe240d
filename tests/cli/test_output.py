from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import typer

from penstock.cli.output import coloured, print_rows

if TYPE_CHECKING:
    import pytest

ESCAPE = "\x1b["
BAD = "yaml:exporter: {}"


def at_a_terminal(*arguments: str, **environ: str) -> str:
    """What the program shows at a terminal of 100 columns."""
    ours, theirs = os.openpty()
    usual = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(
        [sys.executable, "-m", "penstock", *arguments],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        env={**usual, "TERM": "xterm", "COLUMNS": "100", **environ},
    ):
        os.close(theirs)
        return _read_all(ours)


def _read_all(terminal: int) -> str:
    chunks = []
    try:
        while chunk := os.read(terminal, 4096):
            chunks.append(chunk)
    except OSError:  # how Linux tells that the other side has closed
        os.close(terminal)
    return b"".join(chunks).decode()


def test_a_person_sees_a_table() -> None:
    shown = at_a_terminal("components")

    assert "Kind" in shown
    assert "Purpose" in shown
    assert "\t" not in shown


def test_a_program_reads_a_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("Name", "Size"), [("a", "1"), ("[b]", "2")], title="Sizes")

    assert capsys.readouterr().out == "# Sizes\na\t1\n[b]\t2\n"


def test_a_person_sees_problems_in_colour() -> None:
    assert ESCAPE in at_a_terminal("validate", "-c", BAD)


def test_no_colour_is_shown_to_whoever_wants_none() -> None:
    shown = at_a_terminal("validate", "-c", BAD, NO_COLOR="1")

    assert "did you mean" in shown
    assert ESCAPE not in shown


def test_colour_is_left_out_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    typer.echo(coloured("fine", "green"))

    assert capsys.readouterr().out == "fine\n"
