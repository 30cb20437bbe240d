"""The commands `business rules`, `business explain` and `business dry-run`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.commands import Config, Sets, app, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

commands = typer.Typer(
    name="business",
    help="Work with indicators of `business_metrics`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(commands)

Preset = Annotated[
    str | None,
    typer.Option("--preset", metavar="NAME", help="A preset, instead of settings."),
]


def _duration(text: str) -> str:
    if not re.fullmatch(r"(\d+(ms|[smhdwy]))+", text):
        msg = f"expected a duration such as 30s or 5m, found {text!r}"
        raise typer.BadParameter(msg)
    return text


Hold = Annotated[
    str,
    typer.Option(
        "--for",
        metavar="DURATION",
        callback=_duration,
        help="How long something has to be bad before there is an alert.",
    ),
]


@commands.callback()
def _root() -> None:
    """Take the options that stand before a command."""


@commands.command("rules")
def write_rules(
    config: Config = None, sets: Sets = None, preset: Preset = None, hold: Hold = "1m"
) -> None:
    """Print Prometheus' rules of indicators: alerts, and what is recorded.

    Alerts are of thresholds and of error budgets that burn. Series are named as the settings'
    exporter to Prometheus names them.
    """
    from yaml import CSafeDumper, dump

    if (config is None) == (preset is None):
        msg = "give either settings with --config, or the name of a preset with --preset"
        raise typer.BadParameter(msg)
    groups = list(_groups(config, sets, hold) if config else _groups_of(str(preset), hold))
    text = dump(
        {"groups": groups}, Dumper=CSafeDumper, sort_keys=False, allow_unicode=True, width=100
    )
    typer.echo(text, nl=False)


def _groups(config: list[str], sets: Sets, hold: str) -> Iterator[dict[str, Any]]:
    from penstock.business.rules import Writer
    from penstock.business.wiring import indicators_of, namer_of

    settings = load_settings(config, sets)
    found = indicators_of(settings)
    if not found:
        msg = "the settings have no indicators: no `business_metrics` is defined"
        raise typer.BadParameter(msg)
    for id_, indicators in found.items():
        writer = Writer(namer_of(settings, id_), hold)
        yield writer.group(id_, indicators.indicators)


def _groups_of(preset: str, hold: str) -> Iterator[dict[str, Any]]:
    from penstock.business.presets import names
    from penstock.business.rules import Writer
    from penstock.business.settings import Settings
    from penstock.config.problems import choices

    if preset not in names():
        msg = f"there is no preset `{preset}`{choices(preset, names())}"
        raise typer.BadParameter(msg)
    yield Writer(hold=hold).group(preset, Settings(preset=preset).indicators)
