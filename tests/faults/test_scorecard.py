"""The table holds the last result of each line, and says which goals were missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.scorecard import Figure, Result, write

if TYPE_CHECKING:
    from pathlib import Path


def result(line: str, value: float, date: str = "2026-01-01") -> Result:
    return Result(line, "Floods", (Figure("growth", value, 32, "MiB"),), "20 floods", date=date)


def rows(path: Path) -> list[str]:
    return [row for row in path.read_text().splitlines() if row.startswith("| ")][1:]


def test_a_line_tells_goal_measure_and_scale(tmp_path: Path) -> None:
    path = tmp_path / "SCORECARD.md"
    write([result("21", 12.34)], path)
    measured = "≤ 32 MiB growth | 12.3 MiB growth (20 floods) | yes | 1 | 2026-01-01"
    assert rows(path) == [f"| 21 | Floods | {measured} |"]


def test_a_missed_goal_stands_out(tmp_path: Path) -> None:
    path = tmp_path / "SCORECARD.md"
    write([result("21", 33)], path)
    assert "| **no** |" in rows(path)[0]


def test_a_new_result_takes_the_place_of_the_old_one_and_of_no_other(tmp_path: Path) -> None:
    path = tmp_path / "SCORECARD.md"
    write([result("21", 1), result("9", 2)], path)
    write([result("21", 3)], path)
    assert [row.split(" | ")[0] for row in rows(path)] == ["| 9", "| 21"]
    assert "| 3 MiB growth" in rows(path)[1]


def test_of_several_runs_the_worst_counts() -> None:
    both = result("21", 5).worse(result("21", 4))
    assert both.figures[0].value == 5
    assert both.runs == 2
