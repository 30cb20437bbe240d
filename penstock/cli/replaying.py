"""The command `replay`, and how it tells what became of files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.commands import FAILED, RequiredConfig, Sets, app, load_settings
from penstock.cli.output import coloured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.replay import Outcome

MAX_SHOWN = 10
"""Lines that could not be sent of which it is told why."""

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Files to send.")
]
Exporter = Annotated[str, typer.Option("--to", metavar="EXPORTER", help="The id of an exporter.")]
Delete = Annotated[
    bool, typer.Option("--delete", help="Delete files that were sent, or whose rest is elsewhere.")
]


@app.command("replay")
def send_again(
    files: Files,
    exporter: Exporter,
    config: RequiredConfig,
    sets: Sets = None,
    *,
    delete: Delete = False,
) -> None:
    """Send files of dead letters, by an exporter of the settings.

    Files are lines of OTLP/JSON. Nothing else of the settings runs. What is not taken is written to
    FILE.left; the exit code is 1 if there is any.
    """
    from penstock.config.secrets_of import secrets_of
    from penstock.logs import configure
    from penstock.pipeline.errors import StartError
    from penstock.redaction import keep_secret
    from penstock.replay import replay

    settings = load_settings(config, sets)
    if exporter not in settings.exporters:
        known = ", ".join(settings.exporters)
        msg = f"the settings have no exporter `{exporter}`: choose of {known}"
        raise typer.BadParameter(msg)
    keep_secret(secrets_of(settings))
    configure(settings.telemetry.logs)
    try:
        outcome = replay(settings, exporter, files)
    except (StartError, OSError) as error:
        typer.echo(coloured(str(error), typer.colors.RED), err=True)
        raise typer.Exit(FAILED) from None
    _tell(outcome, exporter, files)
    for file in files if delete else ():
        if file.stat().st_size == outcome.read[file]:
            file.unlink()
        else:
            typer.echo(f"{file} has grown meanwhile, and is kept", err=True)
    if outcome.faults:
        raise typer.Exit(FAILED)


def _tell(outcome: Outcome, exporter: str, files: Sequence[Path]) -> None:
    from penstock.logs import printable

    count = f"{len(files)} file{'' if len(files) == 1 else 's'}"
    typer.echo(f"{outcome.sent} items of {count} sent to {exporter}")
    for fault in outcome.faults[:MAX_SHOWN]:
        typer.echo(coloured(printable(fault), typer.colors.RED), err=True)
    if len(outcome.faults) > MAX_SHOWN:
        typer.echo(f"and {len(outcome.faults) - MAX_SHOWN} more", err=True)
    for left in outcome.left:
        typer.echo(f"what is left to send: {left}", err=True)
