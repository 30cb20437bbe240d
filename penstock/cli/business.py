"""The commands `business rules`, `business explain` and `business dry-run`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.commands import FAILED, Config, RequiredConfig, Sets, app, load_settings
from penstock.cli.output import Format, coloured, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.business.dry_run import Outcome
    from penstock.business.settings import Settings as Indicators

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


_RECORDED = "Recorded telemetry: lines of OTLP/JSON."

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", exists=True, dir_okay=False, help=_RECORDED)
]
SomeFiles = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE]", exists=True, dir_okay=False, help=_RECORDED),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of an indicator.")]
OutputFormat = Annotated[Format, typer.Option("--format", help="Text for people, or JSON.")]


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
    for id_, indicators in _some(indicators_of(settings)).items():
        writer = Writer(namer_of(settings, id_), hold)
        yield writer.group(id_, indicators)


def _groups_of(preset: str, hold: str) -> Iterator[dict[str, Any]]:
    from penstock.business.presets import names
    from penstock.business.rules import Writer
    from penstock.business.settings import Settings
    from penstock.config.problems import choices

    if preset not in names():
        msg = f"there is no preset `{preset}`{choices(preset, names())}"
        raise typer.BadParameter(msg)
    yield Writer(hold=hold).group(preset, Settings(preset=preset))


def _some(found: dict[str, Indicators]) -> dict[str, Indicators]:
    if not found:
        msg = "the settings have no indicators: no `business_metrics` is defined"
        raise typer.BadParameter(msg)
    return found


@commands.command("dry-run")
def show_numbers(
    files: Files, config: RequiredConfig, sets: Sets = None, format_: OutputFormat = Format.TEXT
) -> None:
    """Show what indicators make of recorded telemetry.

    Files are lines of OTLP/JSON, as the exporter `file` writes them. Windows go by the time of the
    events, and processors do not run.
    """
    from penstock.business.wiring import indicators_of
    from penstock.cli.indicators import outcome_facts, print_outcome

    found = _some(indicators_of(load_settings(config, sets)))
    outcomes = {id_: _outcome(indicators, files) for id_, indicators in found.items()}
    if format_ is Format.JSON:
        print_json({id_: outcome_facts(outcome) for id_, outcome in outcomes.items()})
        return
    for id_, outcome in outcomes.items():
        print_outcome(id_, outcome)


@commands.command("explain")
def explain_number(
    name: Name,
    config: RequiredConfig,
    files: SomeFiles = None,
    sets: Sets = None,
    format_: OutputFormat = Format.TEXT,
) -> None:
    """Explain where the numbers of an indicator come from.

    With recorded telemetry: how many items matched, how many did not count and why, which values
    had no room, and the number of each window.
    """
    from penstock.business.explain import explain
    from penstock.business.wiring import indicators_of
    from penstock.cli.indicators import explanation_facts, print_explanation

    found = _some(indicators_of(load_settings(config, sets)))
    indicators = _with(name, found)
    outcome = _outcome(indicators, files) if files else None
    told = list(explain(indicators, name, outcome))
    if format_ is Format.JSON:
        print_json([explanation_facts(it) for it in told])
        return
    for each in told:
        print_explanation(each)


def _with(name: str, found: dict[str, Indicators]) -> Indicators:
    from penstock.config.problems import choices

    for indicators in found.values():
        if name in indicators.indicators:
            return indicators
    known = [name for indicators in found.values() for name in indicators.indicators]
    msg = f"there is no indicator `{name}`{choices(name, known)}"
    raise typer.BadParameter(msg)


def _outcome(indicators: Indicators, files: Iterable[Path]) -> Outcome:
    from penstock.business.dry_run import dry_run
    from penstock.pipeline.errors import Invalid

    try:
        return dry_run(indicators, files)
    except (Invalid, OSError) as error:
        typer.echo(coloured(str(error), typer.colors.RED), err=True)
        raise typer.Exit(FAILED) from None
