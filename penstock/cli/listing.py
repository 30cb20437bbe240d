"""The installed components, as a list or one by one with every option, for people and programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from penstock.cli.options import options
from penstock.cli.output import print_json, print_rows
from penstock.pipeline.component import ALL_SIGNALS

if TYPE_CHECKING:
    from penstock.cli.inventory import Installed
    from penstock.cli.options import Option

_COMPONENTS = ("Kind", "Type", "Also", "Signals", "Stability", "Purpose")
_OPTIONS = ("Option", "Type", "Default", "Description")


def list_components(components: list[Installed], *, as_json: bool) -> None:
    """Print a line for each component."""
    if as_json:
        print_json([_facts(component) for component in components])
    else:
        print_rows(_COMPONENTS, [_row(component) for component in components])


def describe_components(components: list[Installed], *, as_json: bool) -> None:
    """Print every option of each component."""
    if as_json:
        print_json([_facts(it) | {"options": [*map(asdict, _options(it))]} for it in components])
        return
    for component in components:
        names = " or ".join(component.spellings)
        title = f"{component.kind.one} {names}: {_purpose(component)}"
        rows = [_cells(option) for option in _options(component)]
        print_rows(_OPTIONS, rows, title if rows else f"{title} It has no options.")


def _options(component: Installed) -> list[Option]:
    return options(component.config) if component.config else []


def _facts(component: Installed) -> dict[str, Any]:
    return {
        "kind": component.kind.one,
        "type": component.type,
        "aliases": component.aliases,
        "signals": component.signals,
        "stability": component.stability,
        "purpose": component.purpose,
        "fault": component.fault or None,
    }


def _row(component: Installed) -> tuple[str, ...]:
    carries_all = set(component.signals) == ALL_SIGNALS
    return (
        component.kind.one,
        component.type,
        ", ".join(component.aliases),
        "all" if carries_all else ", ".join(component.signals),
        component.stability,
        _purpose(component),
    )


def _purpose(component: Installed) -> str:
    return " ".join(filter(None, (component.purpose, component.fault)))


def _cells(option: Option) -> tuple[str, ...]:
    return (option.path, option.type, option.default_text, option.description)
