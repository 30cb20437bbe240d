"""Writes docs/migration.md from the code: `python -m tests.deploy.migration`.

What the Collector has is in `collector/options.tsv`, which its own code lists; what Penstock has,
its settings say, and what it refuses, `not_here`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from penstock.cli.options import Option, options
from penstock.config.catalog import ALIASES, DEPRECATED, Kind, types
from penstock.config.collector import in_collector, types_in_collector
from penstock.config.components import config_class
from penstock.config.types import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "migration.md"
LISTED = Path(__file__).parent / "collector" / "options.tsv"
HEAD = Path(__file__).parent / "collector" / "head.txt"

Defaults = dict[str, str]


class Standing(StrEnum):
    """How an option stands to the Collector's."""

    SAME = "same"
    OTHER_DEFAULT = "other default"
    MISSING = "missing"
    ONLY_HERE = "only here"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, order=True)
class Row:
    """An option, and what to know of it."""

    path: str
    standing: Standing
    remark: str = ""


@dataclass
class Comparison:
    """A component beside the Collector's; `listed` where all options of that one are known."""

    kind: Kind
    type: str
    listed: bool
    rows: list[Row] = field(default_factory=list)

    def of(self, standing: Standing) -> list[Row]:
        return [row for row in self.rows if row.standing is standing]


@cache
def collector() -> dict[tuple[Kind, str], Defaults]:
    """The options of the Collector's components, with their defaults as JSON, by kind and type."""
    found: dict[tuple[Kind, str], Defaults] = {}
    for line in LISTED.read_text().splitlines():
        section, type_, *option = line.split("\t")
        kind = Kind(section)
        options_ = found.setdefault((kind, ALIASES[kind].get(type_, type_)), {})
        if option:
            options_[option[0]] = option[1]
    return found


def compare(kind: Kind, type_: str) -> Comparison:
    """A component of Penstock's, option by option."""
    config = config_class(kind, type_)
    here = {option.path: option for option in options(config)}
    reasons = dict(refused(config))
    there = collector().get((kind, type_))
    if there is None:
        known = in_collector(kind, type_)
        rows = [Row(path, Standing.MISSING, reason) for path, reason in reasons.items() if known]
        return Comparison(kind, type_, listed=False, rows=rows)
    rows = [*_present(here, there), *sorted(_missing(here, there, reasons))]
    return Comparison(kind, type_, listed=True, rows=rows)


def _present(here: Mapping[str, Option], there: Defaults) -> Iterator[Row]:
    for path, option in here.items():
        if path in there:
            yield _beside(option, there[path])
        elif _is_open(parent(path), there):
            yield Row(path, Standing.NOT_COMPARED)
        elif parent(path) in there or not parent(path):
            yield Row(path, Standing.ONLY_HERE, option.description)


def _beside(option: Option, default: str) -> Row:
    known = default and option.type != "section" and not {"[", "*"} & set(option.path)
    if not known or _plain(option.default) == _plain(json.loads(default)):
        return Row(option.path, Standing.SAME)
    remark = f"{_code(option.default)}, there {_code(json.loads(default))}"
    return Row(option.path, Standing.OTHER_DEFAULT, remark)


def _missing(
    here: Mapping[str, Option], there: Defaults, reasons: Mapping[str, str]
) -> Iterator[Row]:
    for path in there.keys() - here.keys():
        is_first = not parent(path) or parent(path) in here
        if is_first and not path.endswith("*") and not _is_open(parent(path), here):
            without = "name the section, or leave it out" if path.endswith(".enabled") else ""
            yield Row(path, Standing.MISSING, reasons.get(path, without))
    for path in reasons.keys() - there.keys():
        if path not in here:
            yield Row(path, Standing.MISSING, reasons[path])


def _is_open(path: str, all_: Iterable[str]) -> bool:
    """Whether what is below is not listed: a mapping of anything, or one that others read."""
    return bool(path) and path in all_ and not any(it != path and parent(it) == path for it in all_)


def parent(path: str) -> str:
    """The section that an option is in; those of lists and mappings are named as the option is."""
    return path.rpartition(".")[0].removesuffix(".*").removesuffix("[]")


def _plain(value: Any) -> Any:
    """A default to compare: durations as seconds, permissions as numbers, and `None` for whatever
    says nothing."""
    if not isinstance(value, str):
        return value or None
    if re.fullmatch("0[0-7]{3}", value):
        return int(value, 8)
    with suppress(ValueError):
        return parse_duration(value) or None
    return value or None


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if value not in (None, "") else "none"


def refused(
    annotation: Any, path: str = "", above: tuple[type, ...] = ()
) -> Iterator[tuple[str, str]]:
    """What sections of settings refuse with a reason, by path."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in above:
            return
        dot = f"{path}." if path else ""
        reasons: Mapping[str, str] = getattr(annotation, "not_here", {})
        yield from ((f"{dot}{name}", reason) for name, reason in reasons.items())
        for name, option in annotation.model_fields.items():
            step = f"{dot}{option.alias or name}"
            yield from refused(option.annotation, step, (*above, annotation))
        return
    step = _step(get_origin(annotation))
    for argument in get_args(annotation):
        yield from refused(argument, f"{path}{step}", above)


def _step(origin: Any) -> str:
    if origin in (list, tuple, set, frozenset):
        return "[]"
    is_mapping = isinstance(origin, type) and issubclass(origin, Mapping)
    return ".*" if is_mapping else ""


def guide() -> str:
    """The whole document."""
    compared = [compare(kind, type_) for kind in Kind for type_ in types(kind)]
    parts = [HEAD.read_text(), *_summary(compared), *_lacking()]
    for each in compared:
        parts += _section(each)
    return "\n".join(parts) + "\n"


def _summary(compared: list[Comparison]) -> Iterator[str]:
    yield "## Component by component"
    yield "| component | same | other default | missing | only here |"
    yield "|---|---|---|---|---|"
    for each in compared:
        yield f"| [{each.kind.one} `{each.type}`](#{each.kind.one}-{each.type}) | {_counts(each)} |"
    yield ""


def _counts(each: Comparison) -> str:
    shown = (Standing.SAME, Standing.OTHER_DEFAULT, Standing.MISSING, Standing.ONLY_HERE)
    if each.listed:
        return " | ".join(str(len(each.of(standing))) for standing in shown)
    if in_collector(each.kind, each.type):
        return f"not listed | not listed | {len(each.rows)} refused | not listed"
    return "not in the Collector | | | all"


def _lacking() -> Iterator[str]:
    yield "## Components that Penstock lacks"
    yield "By the types' names without underscores; a file that names one is refused at its line."
    yield ""
    for kind in Kind:
        spellings = {*types(kind), *ALIASES[kind], *DEPRECATED.get(kind, {})}
        here = {name.replace("_", "") for name in spellings}
        yield f"- {kind}: {', '.join(sorted(types_in_collector(kind) - here))}"
    yield ""


def _section(each: Comparison) -> Iterator[str]:
    yield f"## {each.kind.one} {each.type}"
    place = f"[Its options](../penstock/{each.kind}/README.md#{each.type})."
    if not in_collector(each.kind, each.type):
        yield f"Penstock's own: the Collector has none of the name. {place}\n"
        return
    if not each.listed:
        place = f"The Collector's options are not listed here; these are refused. {place}"
    yield f"{place}\n"
    yield from _table(each)
    for standing in (Standing.SAME, Standing.NOT_COMPARED):
        if paths := [f"`{row.path}`" for row in each.of(standing)]:
            yield f"{standing.capitalize()} ({len(paths)}): {', '.join(paths)}.\n"


def _table(each: Comparison) -> Iterator[str]:
    shown = (Standing.OTHER_DEFAULT, Standing.MISSING, Standing.ONLY_HERE)
    rows = [row for row in each.rows if row.standing in shown]
    if not rows:
        return
    yield "| the Collector's or Penstock's option | is | |"
    yield "|---|---|---|"
    for (_, standing, remark), alike in groupby(sorted(rows, key=_place), key=_place):
        names = ", ".join(f"`{row.path}`" for row in alike)
        text = remark.replace("|", "\\|")
        yield f"| {names} | {standing} | {text} |"
    yield ""


def _place(row: Row) -> tuple[str, str, str]:
    return parent(row.path), row.standing, row.remark


if __name__ == "__main__":
    GUIDE.write_text(guide())
