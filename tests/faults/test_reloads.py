"""Whoever changes settings under load loses nothing by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.reloads import reload_often

if TYPE_CHECKING:
    from pathlib import Path

SOME = 10
BUSY = 10.0
"""Times the goal that a listener may be away for, on a machine that does other things as well."""


def test_nothing_is_lost_when_settings_are_read_again(tmp_path: Path) -> None:
    result = reload_often(SOME, tmp_path)
    for figure in result.figures:
        limit = figure.limit * (BUSY if figure.unit == "ms" else 1)
        assert figure.value <= limit, result.row()
