"""What is wrong with settings: lines for people, objects for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from penstock.cli.output import coloured, print_json
from penstock.config.problems import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.config.problems import Fault
    from penstock.pipeline.errors import ConfigError


def print_refusal(error: ConfigError) -> None:
    """Print the report of problems to stderr."""
    for line in str(error).splitlines():
        found = line.startswith(" ")
        typer.echo(line if found else coloured(line, typer.colors.RED), err=True)


def print_warnings(warnings: Iterable[Fault]) -> None:
    """Print a line for each warning to stderr."""
    for warning in warnings:
        typer.echo(f"{coloured('warning', typer.colors.YELLOW)}: {warning.line}", err=True)


def print_verdict(problems: Iterable[Fault], warnings: Iterable[Fault]) -> None:
    """Print as JSON whether settings are valid, with every problem and warning."""
    found = [_facts(fault) for fault in problems]
    noted = [_facts(fault) for fault in warnings]
    print_json({"valid": not found, "problems": found, "warnings": noted})


def _facts(fault: Fault) -> dict[str, Any]:
    return {
        "file": fault.place.name,
        "line": fault.place.line,
        "column": fault.place.column,
        "path": dotted(fault.path),
        "message": fault.message,
        "suggestion": fault.suggestion,
    }
