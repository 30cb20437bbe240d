"""What a command prints: tables and colour where a person looks, plain text or JSON elsewhere.

A person looks where the stream is a terminal. With NO_COLOR set there is no colour there either.
"""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence


class Format(StrEnum):
    """How to write it: for people, or for programs."""

    TEXT = "text"
    JSON = "json"


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(head: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table at a terminal; elsewhere a line a row, with tabs between its cells."""
    if title:
        typer.echo(coloured(f"# {title}", typer.colors.GREEN))
    if rows and sys.stdout.isatty():
        _print_table(head, rows)
    else:
        typer.echo("".join("\t".join(row) + "\n" for row in rows), nl=False)


def coloured(text: str, colour: str) -> str:
    """The text in a colour, which `typer.echo` takes out again where nobody looks."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, fg=colour)


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=box.SIMPLE_HEAD)
    table.columns[0].style = "cyan"
    for row in rows:
        table.add_row(*map(Text, row))  # as text, for some options have markup's brackets
    Console().print(table)
