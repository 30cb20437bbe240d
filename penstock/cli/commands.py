"""The commands: what each takes, and what it exits with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.output import Format, coloured, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.resources.abc import Traversable

    from penstock.cli.inventory import Installed
    from penstock.config.settings import Settings

FAILED = 1
"""Exit code for a failure at the start or while running."""

MISUSED = 2
"""Exit code for settings or usage at fault."""

_HELP = """\
Receive telemetry, work on it, deliver it: OpenTelemetry pipelines from one YAML file.

The file is in the OpenTelemetry Collector's layout: receivers, processors, exporters, connectors,
extensions, and a service with the pipelines that wire them.
"""

_EPILOG = """\
\b
Examples:
  penstock run                              the embedded default: OTLP in, a line a batch out
  penstock validate -c gateway.yaml         every problem of a file, each with its place
  penstock run -c base.yaml -c eu.yaml --set exporters.otlp.timeout=10s
  penstock print-config -c base.yaml -c eu.yaml
  penstock components otlp                  every option of the components of a type
  penstock cardinality                      which labels make a running service's series many
  penstock test gateway_test.yaml           what goes into a pipeline, what comes out
  penstock replay dead/*.jsonl --to otlp -c gateway.yaml
  penstock elasticsearch setup -c gateway.yaml
  penstock business rules -c gateway.yaml > rules.yml
  penstock business dry-run recorded.json -c gateway.yaml
  penstock schema > penstock.schema.json    for an editor that completes keys

\b
Exit codes:
  0  fine
  1  failed at the start or while running
  2  wrong settings or usage

Output is for people at a terminal, in colour unless NO_COLOR is set, and plain elsewhere.
"""

app = typer.Typer(
    name="penstock",
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing its formatter doubles the time to answer --help
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_CONFIG = typer.Option(
    "--config",
    "-c",
    metavar="SOURCE",
    help="A YAML file, a folder of them, `yaml:TEXT` or `env:NAME`. May be given several times:"
    " mappings are merged, and what comes later wins.",
)
_SET = typer.Option(
    "--set",
    metavar="PATH=VALUE",
    help="Override one option, such as `processors.batch.timeout=2s`. May be given several times.",
)
_FORMAT = typer.Option("--format", help="Text for people, or JSON for programs.")

Config = Annotated[list[str] | None, _CONFIG]
RequiredConfig = Annotated[list[str], _CONFIG]
Sets = Annotated[list[str] | None, _SET]
OutputFormat = Annotated[Format, _FORMAT]


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    app()


def _complete_type(incomplete: str) -> list[str]:
    from penstock.config.catalog import Kind, types

    known = {type_ for kind in Kind for type_ in types(kind)}
    return sorted(type_ for type_ in known if type_.startswith(incomplete))


ComponentType = Annotated[
    str | None,
    typer.Argument(
        metavar="[TYPE]",
        autocompletion=_complete_type,
        show_default=False,
        help="The type, in either spelling.",
    ),
]


def _show_version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it so)
    if wanted:
        from importlib.metadata import version

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
def run(config: Config = None, sets: Sets = None) -> None:
    """Run the pipelines until SIGTERM or SIGINT.

    SIGHUP has the settings read again; those at fault change nothing.

    Without --config the embedded default runs: OTLP in on 127.0.0.1, a line a batch out.
    """
    from penstock.cli.running import open_log, run_until_stopped

    sources: Sequence[str | Traversable] = config or [_embedded()]
    settings = load_settings(sources, sets)
    try:
        open_log(settings)
    except OSError as error:
        typer.echo(error, err=True)
        raise typer.Exit(FAILED) from None
    raise typer.Exit(run_until_stopped(settings, sources, sets or (), greets=not config))


@app.command()
def validate(
    config: RequiredConfig, sets: Sets = None, format_: OutputFormat = Format.TEXT
) -> None:
    """Check settings and start nothing.

    Every problem is reported at once, with its file, line and column; the exit code is then 2.
    """
    from penstock.cli.reports import print_verdict, print_warnings

    settings = load_settings(config, sets, format_)
    if format_ is Format.JSON:
        print_verdict((), settings.warnings)
        return
    print_warnings(settings.warnings)
    count = len(settings.pipelines)
    verdict = coloured("ok", typer.colors.GREEN)
    typer.echo(f"{', '.join(config)}: {verdict}, {count} pipeline{'' if count == 1 else 's'}")


@app.command()
def print_config(
    *,
    config: Config = None,
    sets: Sets = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Also what no source says: every default.")
    ] = False,
    format_: OutputFormat = Format.TEXT,
) -> None:
    """Print the settings in effect, and where each comes from.

    They are merged, with every `${…}` replaced and secrets hidden; the YAML can be loaded again.
    Without --config it prints the embedded default.
    """
    from penstock.cli.effective import as_json, as_yaml
    from penstock.config.effective import effective

    with refusing(format_):
        settings = effective(config or [_embedded()], sets or (), defaults=defaults)
    if format_ is Format.JSON:
        print_json(as_json(settings))
        return
    for text, origin in as_yaml(settings):
        typer.echo(text + coloured(origin, typer.colors.BRIGHT_BLACK))


@app.command()
def schema(
    *, tests: Annotated[bool, typer.Option("--tests", help="Of a file of tests instead.")] = False
) -> None:
    """Print the JSON Schema of a settings file, for editors.

    It has every option of every installed component, so that keys complete and mistakes show.
    """
    from penstock.cli.inventory import installed
    from penstock.cli.schema import file_schema, suite_schema

    print_json(suite_schema() if tests else file_schema(installed()))


@app.command()
def components(type_: ComponentType = None, format_: OutputFormat = Format.TEXT) -> None:
    """List what is installed, or every option of a type.

    The list has each component's kind, type, the type's other spellings, signals and stability.
    """
    from penstock.cli.inventory import installed
    from penstock.cli.listing import describe_components, list_components

    found = installed()
    as_json = format_ is Format.JSON
    if type_ is None:
        list_components(found, as_json=as_json)
    else:
        describe_components(_of_type(found, type_), as_json=as_json)


@app.command()
def cardinality(
    address: Annotated[str, typer.Argument(help="Of the page of own metrics.")] = "127.0.0.1:8888",
    format_: OutputFormat = Format.TEXT,
) -> None:
    """Show what makes the series of a running service many.

    The fullest budgets, the labels with most values and what was limited, as the service's
    `cardinality_limit` processors see it.
    """
    from penstock.cli.cardinality import fetch, show

    try:
        reports = fetch(address)
    except OSError as error:
        typer.echo(coloured(str(error), typer.colors.RED), err=True)
        raise typer.Exit(FAILED) from None
    show(reports, as_json=format_ is Format.JSON)


def _of_type(components: list[Installed], type_: str) -> list[Installed]:
    from penstock.config.problems import choices

    found = [component for component in components if type_ in component.spellings]
    if not found:
        known = sorted({component.type for component in components})
        msg = f"no component has the type `{type_}`{choices(type_, known)}"
        raise typer.BadParameter(msg)
    return found


def _embedded() -> Traversable:
    """The settings that run where none are given."""
    from importlib.resources import files

    return files("penstock") / "default.yaml"


def load_settings(
    sources: Sequence[str | Traversable],
    sets: Sequence[str] | None,
    format_: Format = Format.TEXT,
) -> Settings:
    """The settings of these sources; ends the program with a report where they cannot be used."""
    from penstock.config.load import load

    with refusing(format_):
        return load(sources, sets or ())


@contextmanager
def refusing(format_: Format) -> Iterator[None]:
    """End the program with a report where settings cannot be used."""
    from penstock.cli.reports import print_refusal, print_verdict
    from penstock.pipeline.errors import ConfigError

    try:
        yield
    except ConfigError as error:
        if format_ is Format.JSON:
            print_verdict(error.faults, ())
        else:
            print_refusal(error)
        raise typer.Exit(MISUSED) from None
