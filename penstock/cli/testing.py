"""The command `test`, and how it tells what came of tests."""

from __future__ import annotations

from contextlib import chdir
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.commands import FAILED, app, refusing
from penstock.cli.output import Format, coloured, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.testing.compare import Difference
    from penstock.testing.judge import Verdict

MAX_SHOWN = 10
"""Differences of a test that are shown to people; more would hide the first."""

_WIDTH = 60
"""Characters of a value in a line."""


class ReportFormat(StrEnum):
    """How to write it: for people, for programs, or for continuous integration."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Files of tests.")]
OutputFormat = Annotated[
    ReportFormat, typer.Option("--format", help="Text for people, JSON or JUnit's XML.")
]


@app.command("test")
def run_tests(files: Files, format_: OutputFormat = ReportFormat.TEXT) -> None:
    """Run tests of settings: items in, items out.

    Each gives items to a pipeline and says what must come of them. Nothing is listened on, and
    nothing is sent. The exit code is 1 where a test failed.
    """
    verdicts = {str(file): _verdicts(file, format_) for file in files}
    if format_ is ReportFormat.JSON:
        print_json(_facts(verdicts))
    elif format_ is ReportFormat.JUNIT:
        from penstock.testing.junit import junit

        typer.echo(junit(verdicts))
    else:
        _print_text(verdicts)
    if not all(verdict.passed for found in verdicts.values() for verdict in found):
        raise typer.Exit(FAILED)


def _verdicts(file: Path, format_: ReportFormat) -> list[Verdict]:
    from penstock.testing.judge import judge
    from penstock.testing.suite import read_tests

    with refusing(Format.JSON if format_ is ReportFormat.JSON else Format.TEXT):
        tests = read_tests(file)
    with chdir(file.parent):
        return [judge(test) for test in tests]


def _facts(verdicts: Mapping[str, Sequence[Verdict]]) -> list[dict[str, Any]]:
    return [
        {
            "file": file,
            "name": verdict.name,
            "passed": verdict.passed,
            "seconds": round(verdict.seconds, 3),
            "differences": [it._asdict() for it in verdict.differences],
        }
        for file, found in verdicts.items()
        for verdict in found
    ]


def _print_text(verdicts: Mapping[str, Sequence[Verdict]]) -> None:
    for file, found in verdicts.items():
        typer.echo(file)
        for verdict in found:
            _print_verdict(verdict)
    every = [verdict for found in verdicts.values() for verdict in found]
    failed = sum(not verdict.passed for verdict in every)
    typer.echo(f"{len(every)} test{'' if len(every) == 1 else 's'}, {failed} failed")


def _print_verdict(verdict: Verdict) -> None:
    from penstock.logs import printable

    word = (
        coloured("ok  ", typer.colors.GREEN)
        if verdict.passed
        else coloured("FAIL", typer.colors.RED)
    )
    typer.echo(f"  {word}  {printable(verdict.name)}")
    rows = [_row(it) for it in verdict.differences[:MAX_SHOWN]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:2]
    for path, expected, got in rows:
        line = f"        {path:{widths[0]}}  {expected:{widths[1]}}  {got}"
        typer.echo(printable(line))
    if len(verdict.differences) > MAX_SHOWN:
        typer.echo(f"        and {len(verdict.differences) - MAX_SHOWN} more")


def _row(difference: Difference) -> tuple[str, str, str]:
    path, expected, got = difference
    return path, f"expected {_short(expected)}", f"got {_short(got)}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
