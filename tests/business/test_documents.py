"""The document about indicators has every kind and every option, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.business.kinds import KINDS
from penstock.business.lengths import parse_length
from penstock.business.options import Measured

DOCUMENT = (Path(__file__).parents[2] / "docs" / "business-metrics.md").read_text()
COMMON = {"kind", "unit", "description", *Measured.model_fields, "from"}
JUDGED = {"target", "warning", "critical", "worse"}


def rows(header: str) -> list[list[str]]:
    """The cells of a table, by the first cell of its header."""
    table = DOCUMENT[DOCUMENT.index(f"\n| {header} |") :].split("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_kind_is_there_with_its_own_options() -> None:
    documented = {kind: set(names(own)) for kinds, _, own in rows("kind") for kind in names(kinds)}
    assert documented == {
        kind: {field.alias or name for name, field in model.model_fields.items()} - COMMON - JUDGED
        for kind, model in KINDS.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_there_with_its_default(kind: str) -> None:
    defaults = {name: default for cell, default, _ in rows("option") for name in names(cell)}
    for name, field in KINDS[kind].model_fields.items():
        if name in COMMON or (kind == "duration_between" and name == "quantile"):
            continue
        text = defaults[name].strip("`")
        if field.is_required() or field.default is None:
            assert text in {"required", "none"}, name
        elif isinstance(field.default, tuple):
            assert tuple(map(parse_length, text.strip("[]").split(", "))) == field.default
        elif isinstance(field.default, float) and text[-1].isalpha():
            assert parse_length(text) == field.default, name
        else:
            assert text == str(field.default).lower(), name
