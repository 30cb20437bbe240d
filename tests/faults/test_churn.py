"""A label that explodes takes no more memory than its budget, and no count is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.churn import churn

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 4.5


def test_a_label_that_explodes_is_bounded_and_its_total_right(tmp_path: Path) -> None:
    result = churn(SECONDS, tmp_path)
    assert result.is_met, result.row()
