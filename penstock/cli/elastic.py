"""The command `elasticsearch setup`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.commands import FAILED, RequiredConfig, Sets, app, load_settings
from penstock.cli.output import coloured

if TYPE_CHECKING:
    from collections.abc import Iterable

_TYPE = "elasticsearch"

Exporter = Annotated[
    str | None,
    typer.Option("--exporter", metavar="EXPORTER", help="The id of an exporter, of several."),
]

commands = typer.Typer(
    name=_TYPE,
    help="Prepare Elasticsearch or OpenSearch.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(commands)


@commands.callback()
def _root() -> None:
    """Take the options that stand before a command."""


@commands.command("setup")
def set_up(config: RequiredConfig, sets: Sets = None, exporter: Exporter = None) -> None:
    """Install index templates and the lifecycle policy that data streams want.

    What is there under these names is replaced; nothing else of the settings runs.
    """
    from penstock.config.secrets_of import secrets_of
    from penstock.pipeline.errors import PenstockError
    from penstock.prepare import prepare
    from penstock.redaction import keep_secret, redacted

    settings = load_settings(config, sets)
    keep_secret(secrets_of(settings))
    try:
        done = prepare(settings, _chosen(settings.exporters, exporter))
    except PenstockError as error:
        typer.echo(coloured(redacted(str(error)), typer.colors.RED), err=True)
        raise typer.Exit(FAILED) from None
    for line in done:
        typer.echo(line)


def _chosen(exporters: Iterable[str], wanted: str | None) -> str:
    known = [id_ for id_ in exporters if id_.partition("/")[0] == _TYPE]
    if wanted in known or (wanted is None and len(known) == 1):
        return wanted or known[0]
    if not known:
        msg = f"the settings have no exporter of the type {_TYPE}"
        raise typer.BadParameter(msg)
    msg = f"choose an exporter with --exporter: {', '.join(known)}"
    raise typer.BadParameter(msg)
