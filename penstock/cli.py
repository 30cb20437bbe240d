"""The command line: `penstock run`, `validate`, `components`.

What is heavy is imported by the command that needs it, so that the others answer at once.
"""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.config.catalog import Kind, summary, types

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from penstock.config.settings import Settings

MISUSED = 2
"""Exit code for settings or usage at fault; 1 is for a failure at the start or while running."""

_EMBEDDED = files("penstock") / "default.yaml"

_GREETING = """\
Penstock is ready. Point an OpenTelemetry SDK at it with one of
  OTEL_EXPORTER_OTLP_ENDPOINT=http://{http} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
  OTEL_EXPORTER_OTLP_ENDPOINT=http://{grpc} OTEL_EXPORTER_OTLP_PROTOCOL=grpc
Health: http://{health}/  own metrics: http://{metrics}/metrics"""

_logger = logging.getLogger("penstock.service")

app = typer.Typer(
    name="penstock",
    help="Receive telemetry, work on it, deliver it: OpenTelemetry pipelines from one YAML file.",
    epilog="Exit codes: 0 fine, 1 failed at the start or while running, 2 wrong settings or usage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_CONFIG = typer.Option("--config", "-c", metavar="FILE", help="The YAML file.")


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    app()


def _show_version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it so)
    if wanted:
        typer.echo(f"penstock {version('penstock')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def run(config: Annotated[Path | None, _CONFIG] = None) -> None:
    """Run the pipelines until SIGTERM or SIGINT; without a file, the embedded default ones."""
    from penstock import logs
    from penstock.pipeline.runner import run as run_pipelines

    settings = _load(config or _EMBEDDED)
    logs.configure(settings.telemetry.log_level, settings.telemetry.log_encoding)
    for warning in settings.warnings:
        _logger.warning(warning.line)

    def ready() -> None:
        _logger.info("Every pipeline runs.")
        if not config:
            typer.echo(greeting(settings))

    raise typer.Exit(run_pipelines(settings, ready))


@app.command()
def validate(config: Annotated[Path, _CONFIG]) -> None:
    """Check a file and start nothing: report every problem, each with its place."""
    settings = _load(config)
    for warning in settings.warnings:
        typer.echo(f"warning: {warning.line}", err=True)
    count = len(settings.pipelines)
    typer.echo(f"{config}: ok, {count} pipeline{'' if count == 1 else 's'}")


@app.command()
def components() -> None:
    """List the installed components: kind, type and what each is for."""
    rows = [(kind.one, type_, summary(kind, type_)) for kind in Kind for type_ in types(kind)]
    if sys.stdout.isatty():
        _print_table(("Kind", "Type", "Purpose"), rows)
    else:
        typer.echo("\n".join(map("\t".join, rows)))


def greeting(settings: Settings) -> str:
    """What to tell whoever has started the embedded default `settings`: where everything is."""
    protocols = settings.receivers["otlp"].model_dump(mode="json")["protocols"]
    health = settings.extensions["health_check"].model_dump(mode="json")
    return _GREETING.format(
        http=protocols["http"]["endpoint"],
        grpc=protocols["grpc"]["endpoint"],
        health=health["endpoint"],
        metrics=settings.telemetry.metrics,
    )


def _load(file: Traversable) -> Settings:
    from penstock.config.load import load
    from penstock.pipeline.errors import ConfigError

    try:
        return load([file])
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISUSED) from None


def _print_table(head: tuple[str, ...], rows: list[tuple[str, str, str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*head, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
